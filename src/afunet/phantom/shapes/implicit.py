"""Solids as smooth functions of space that approximate distances, negative inside."""

from __future__ import annotations

import numpy as np

from afunet.phantom.shapes.arrays import Points


def smooth_union(a: Points, b: Points, radius_mm: float) -> Points:
    """Minimum with a fillet of about this radius (polynomial smooth minimum)."""
    h = np.maximum(radius_mm - np.abs(a - b), 0) / radius_mm
    return np.asarray(np.minimum(a, b) - h * h * radius_mm / 4)


def smooth_cut(a: Points, b: Points, radius_mm: float) -> Points:
    """The part of a outside b, with a rounded edge."""
    return -smooth_union(-a, b, radius_mm)


def ellipsoid(points: Points, centre: tuple[float, ...], axes: tuple[float, ...]) -> Points:
    """The value of an ellipsoid at points (..., 3), a distance near its surface."""
    scaled = (points - np.array(centre)) / np.array(axes)
    length = np.linalg.norm(scaled, axis=-1)
    slope = np.linalg.norm(scaled / np.array(axes), axis=-1)
    return np.asarray(length * (length - 1) / np.maximum(slope, 1e-6))
