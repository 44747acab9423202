"""Estimate how well the place of a fitted fragment is determined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.meeting import Meeting

FloatArray = NDArray[np.float64]

INDEPENDENT_MM2 = 36.0
"""Errors of the surface within an area of this size are alike."""
NOISE_MM, NORMAL_NOISE = 0.15, 0.06
"""Least error of a surface; the part of its normals that may be voxel steps."""
BLOCK_MM = 12.0
"""Edge of the blocks that are taken as independent of each other."""
WIDEST_MM = 20.0
"""The standard error, in mm at the fragment's size, of a direction without information."""
LEAST_MM = 0.15
"""The error that no surface is large enough to average out."""


@dataclass(frozen=True)
class Certainty:
    """Standard errors of a fit: of the fragment's centre and of its turn, the largest direction."""

    shift_mm: float
    turn_deg: float

    @classmethod
    def none(cls) -> Certainty:
        """Return the errors where nothing is known."""
        return cls(float("inf"), float("inf"))

    def with_another(self, best: Rigid, other: Rigid, centre_mm: FloatArray) -> Certainty:
        """Return the errors if the fragment may as well be at another place."""
        apart_mm = float(np.linalg.norm(best(centre_mm) - other(centre_mm)))
        apart_deg = best.after(other.inverse()).angle_deg
        return Certainty(max(self.shift_mm, apart_mm), max(self.turn_deg, apart_deg))

    def times(self, part: float) -> Certainty:
        """Return a part of the errors."""
        return Certainty(part * self.shift_mm, part * self.turn_deg)

    def upon(self, below: Certainty, arm_mm: float) -> Certainty:
        """Return the errors if the bed itself has errors, `arm_mm` from its centre."""
        swing_mm = np.radians(below.turn_deg) * arm_mm
        return Certainty(
            float(np.linalg.norm([self.shift_mm, below.shift_mm, swing_mm])),
            float(np.hypot(self.turn_deg, below.turn_deg)),
        )


def certainty(pairs: Meeting, centre_mm: FloatArray) -> Certainty:
    """Estimate the errors of a fit, at a centre (3,), from the pairs of points where it ended.

    The covariance of a least-squares fit. Each row of the information matrix is multiplied with
    that of the other surface: what is accidental in the normals of a rough voxel surface differs
    between the two and cancels out, so that a plane is seen to slide. The covariance is that of
    errors alike over `INDEPENDENT_MM2`, or that of what the fit leaves over in each block of the
    surface (Liang and Zeger 1986), whichever is larger: blocks may pull in different ways.
    """
    if len(pairs) < 6:
        return Certainty.none()
    arms = pairs.fragment_mm - centre_mm
    size_mm = float(np.sqrt((arms**2).sum(axis=1).mean()))
    mine, theirs = (
        np.hstack([np.cross(arms, normals) / size_mm, normals])
        for normals in (pairs.fragment_normals, pairs.bed_normals)
    )
    seen = (mine.T * pairs.area_mm2) @ theirs
    accidental = NORMAL_NOISE**2 * pairs.area_mm2.sum() / 3
    error_mm2 = float(np.average(pairs.apart_mm**2, weights=pairs.area_mm2)) + NOISE_MM**2
    alike_mm4 = error_mm2 * INDEPENDENT_MM2
    strengths, directions = np.linalg.eigh((seen + seen.T) / 2 - accidental * np.eye(6))
    held = np.maximum(strengths, 0) + alike_mm4 / WIDEST_MM**2
    inverse = (directions / held) @ directions.T
    pulls = (mine + theirs) / 2 * (pairs.area_mm2 * pairs.apart_mm)[:, None]
    left_over = _left_over(arms, pulls, int((strengths > alike_mm4 / WIDEST_MM**2).sum()))
    turn, shift_mm = np.maximum(
        _largest(inverse * alike_mm4), _largest(inverse @ left_over @ inverse)
    )
    return Certainty(
        float(np.hypot(shift_mm, LEAST_MM)),
        float(np.degrees(np.hypot(turn, LEAST_MM) / size_mm)),
    )


def _largest(covariance: FloatArray) -> FloatArray:
    """The largest standard errors (2,) of turn and shift of a covariance (6, 6) in mm²."""
    parts = np.stack([covariance[:3, :3], covariance[3:, 3:]])
    return np.asarray(np.sqrt(np.linalg.eigvalsh(parts)[:, -1]))


def _left_over(places_mm: FloatArray, pulls: FloatArray, determined: int) -> FloatArray:
    """The sum (6, 6) over blocks of the squared sum of the pulls (N, 6) in each.

    `determined` is the number of directions that the fit used up.
    """
    _, block = np.unique(np.floor(places_mm / BLOCK_MM), axis=0, return_inverse=True)
    sums = np.zeros((int(block.max()) + 1, 6))
    np.add.at(sums, block.ravel(), pulls)
    free = len(sums) / max(len(sums) - determined, 1)
    return np.asarray(free * sums.T @ sums)
