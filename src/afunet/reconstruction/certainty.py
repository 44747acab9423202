"""Estimate how well the place of a fitted fragment is determined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.meeting import ACROSS_MM, ASIDE_MM, Bed, Meeting
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

INDEPENDENT_MM2 = 40.0
"""Errors of the surface within an area of this size are alike."""
NOISE_MM, NORMAL_NOISE = 0.15, 0.06
"""Least error of a surface; the part of its normals that may be voxel steps."""
WIDEST_MM = 20.0
"""The standard error, in mm at the fragment's size, of a direction without information."""
LEAST_MM = 0.1
"""The error that no surface is large enough to average out."""


@dataclass(frozen=True)
class Certainty:
    """Standard errors of a fit: of the fragment's centre and of its turn, the largest direction."""

    shift_mm: float
    turn_deg: float

    def with_another(self, best: Rigid, other: Rigid, centre_mm: FloatArray) -> Certainty:
        """Return the errors if the fragment may as well be at another place."""
        apart_mm = float(np.linalg.norm(best(centre_mm) - other(centre_mm)))
        apart_deg = best.after(other.inverse()).angle_deg
        return Certainty(max(self.shift_mm, apart_mm), max(self.turn_deg, apart_deg))

    def upon(self, below: Certainty, arm_mm: float) -> Certainty:
        """Return the errors if the bed itself has errors, `arm_mm` from its centre."""
        swing_mm = np.radians(below.turn_deg) * arm_mm
        return Certainty(
            float(np.linalg.norm([self.shift_mm, below.shift_mm, swing_mm])),
            float(np.hypot(self.turn_deg, below.turn_deg)),
        )


def certainty(fitted: SurfacePoints, bed: Bed) -> Certainty:
    """Estimate the errors of a fit from the pairs of points at the place where it ended.

    The information matrix of a least-squares fit, with one change: each row is multiplied with that
    of the other surface. What is accidental in the normals of a rough voxel surface differs between
    the two and cancels out, so that a plane is seen to slide.
    """
    pairs = Meeting.joined([bed.faces(fitted, ASIDE_MM), bed.outer(fitted, ACROSS_MM)])
    pairs = pairs[np.abs(pairs.apart_mm) < ASIDE_MM / 2]
    if len(pairs) < 6:
        return Certainty(float("inf"), float("inf"))
    centre_mm = fitted.points_mm.mean(axis=0)
    arms = pairs.fragment_mm - centre_mm
    size_mm = float(np.sqrt((arms**2).sum(axis=1).mean()))
    mine, theirs = (
        np.hstack([np.cross(arms, normals) / size_mm, normals])
        for normals in (pairs.fragment_normals, pairs.bed_normals)
    )
    seen = (mine.T * pairs.area_mm2) @ theirs
    accidental = NORMAL_NOISE**2 * pairs.area_mm2.sum() / 3
    error_mm2 = float(np.average(pairs.apart_mm**2, weights=pairs.area_mm2)) + NOISE_MM**2
    information = ((seen + seen.T) / 2 - accidental * np.eye(6)) / (error_mm2 * INDEPENDENT_MM2)
    strengths, directions = np.linalg.eigh(information)
    covariance = (directions / (np.maximum(strengths, 0) + WIDEST_MM**-2)) @ directions.T
    turn = float(np.sqrt(np.linalg.eigvalsh(covariance[:3, :3])[-1])) / size_mm
    shift_mm = float(np.sqrt(np.linalg.eigvalsh(covariance[3:, 3:])[-1]))
    return Certainty(
        float(np.hypot(shift_mm, LEAST_MM)), float(np.degrees(np.hypot(turn, LEAST_MM / size_mm)))
    )
