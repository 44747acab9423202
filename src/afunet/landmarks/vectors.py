"""Directions and the angles between them, in degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def unit(vector: FloatArray) -> FloatArray:
    """The vector (3,) at length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def across(vector: FloatArray, axis: FloatArray) -> FloatArray:
    """The part of a vector (3,) that is perpendicular to a unit axis (3,)."""
    return np.asarray(vector - (vector @ axis) * axis)


def angle_deg(first: FloatArray, second: FloatArray) -> float:
    """The angle between two directions (3,), 0 to 180°."""
    cosine = float(unit(first) @ unit(second))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def turn_deg(start: FloatArray, end: FloatArray, axis: FloatArray) -> float:
    """The turn from `start` to `end` about an axis, seen along it; −180 to 180°, right-handed."""
    about = unit(axis)
    one, other = across(start, about), across(end, about)
    return float(np.degrees(np.arctan2(np.cross(one, other) @ about, one @ other)))
