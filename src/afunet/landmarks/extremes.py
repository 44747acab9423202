"""Extreme points of a surface: where a plane that comes along a direction touches it first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DEPTH_MM, PATCH_MM = 0.4, 5.0
"""The touching point is the centre of a patch so deep below the plane, and at most so wide."""
ROUNDS = 30


def extreme(points_mm: FloatArray, direction: FloatArray) -> FloatArray:
    """The point (3,) furthest along a unit direction (3,), of points (N, 3) with N > 0.

    The centre of the patch that nearly touches is less sensitive to single points than the
    outermost one. It is moved back onto the plane that touches.
    """
    along = points_mm @ direction
    first = points_mm[np.argmax(along)]
    touching = (along > along.max() - DEPTH_MM) & (
        np.linalg.norm(points_mm - first, axis=1) < PATCH_MM
    )
    centre = points_mm[touching].mean(axis=0)
    return np.asarray(centre + (along.max() - centre @ direction) * direction)


def widest_pair(
    one_mm: FloatArray, other_mm: FloatArray, direction: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """A point of each surface, (N, 3) and (M, 3), such that both planes across their line touch.

    The pair with locally the largest distance, from the two extremes along a unit direction (3,);
    the first surface lies further along it.
    """
    for _ in range(ROUNDS):
        first, second = extreme(one_mm, direction), extreme(other_mm, -direction)
        turned = (first - second) / np.linalg.norm(first - second)
        if np.abs(turned - direction).max() < 1e-6:
            break
        direction = turned
    return first, second
