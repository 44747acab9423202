"""Measure the step and the gap of the outer surface along a fracture line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.meeting import ASIDE_MM, Bed
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

BESIDE_MM = (1.0, 4.0)
"""Points this far apart after the fit lie on both sides of the line."""
FEWEST_PAIRS = 10


@dataclass(frozen=True, eq=False)
class Line:
    """The line between a fragment and one that it fits on: steps and gaps (N,) in mm.

    `faces_mm2` is the area on which they lie on each other after the fit.
    """

    steps_mm: FloatArray
    gaps_mm: FloatArray
    faces_mm2: float


@dataclass(frozen=True)
class FractureLine:
    """Median and largest (95th percentile) step and gap in mm; None if there is no line."""

    step_off_mm: float | None = None
    largest_step_off_mm: float | None = None
    fracture_gap_mm: float | None = None
    largest_fracture_gap_mm: float | None = None

    @classmethod
    def of(cls, lines: Sequence[Line]) -> FractureLine:
        """Return the figures of several lines together."""
        steps_mm = np.concatenate([line.steps_mm for line in lines])
        gaps_mm = np.concatenate([line.gaps_mm for line in lines])
        if len(steps_mm) < FEWEST_PAIRS:
            return cls()
        step_mm, largest_step_mm = np.percentile(steps_mm, (50, 95))
        gap_mm, largest_gap_mm = np.percentile(gaps_mm, (50, 95))
        return cls(float(step_mm), float(largest_step_mm), float(gap_mm), float(largest_gap_mm))


def line_between(
    fragment: SurfacePoints, move: Rigid, other: SurfacePoints, other_move: Rigid
) -> Line:
    """Measure along the line that two fragments share when each is moved to where it fits.

    Points beside each other across the line then are pairs. What lies between them now, beyond what
    lies between them after the fit, is a step along the normal of the outer surface and a gap away
    from the other fragment; fragments that overlap have a gap of 0.
    """
    fitted = fragment.moved(move)
    low_mm, high_mm = fitted.points_mm.min(axis=0), fitted.points_mm.max(axis=0)
    near = other.moved(other_move).near(low_mm, high_mm, BESIDE_MM[1])
    if not len(near):
        return Line(np.zeros(0), np.zeros(0), 0.0)
    bed = Bed(near)
    pairs = bed.outer(fitted, BESIDE_MM[1])
    pairs = pairs[pairs.distance_mm > BESIDE_MM[0]]
    now_mm = move.inverse()(pairs.fragment_mm) - other_move.inverse()(pairs.bed_mm)
    fitted_mm = pairs.fragment_mm - pairs.bed_mm
    # Both differences in the other fragment's present frame.
    offset_mm = now_mm @ other_move.turn.T - fitted_mm
    step_mm = (offset_mm * pairs.normals).sum(axis=1)
    across = fitted_mm - pairs.apart_mm[:, None] * pairs.normals
    across /= np.maximum(np.linalg.norm(across, axis=1)[:, None], 1e-9)
    gap_mm = np.maximum((offset_mm * across).sum(axis=1), 0.0)
    return Line(np.abs(step_mm), gap_mm, float(bed.faces(fitted, ASIDE_MM).area_mm2.sum()))
