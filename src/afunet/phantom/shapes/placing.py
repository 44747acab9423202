"""Rotations, translations and reflections as matrices (4, 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.shapes.arrays import FloatArray


def shift(offset_mm: Sequence[float] | FloatArray) -> FloatArray:
    """A translation."""
    matrix = np.eye(4)
    matrix[:3, 3] = offset_mm
    return matrix


def turn(axis: str, degrees: float) -> FloatArray:
    """A rotation about an axis through the origin."""
    return turn_about(np.zeros(3), Rotation.from_euler(axis, degrees, degrees=True))


def turn_about(centre_mm: FloatArray, rotation: Rotation) -> FloatArray:
    """A rotation about a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.as_matrix()
    matrix[:3, 3] = centre_mm - matrix[:3, :3] @ centre_mm
    return matrix


def mirror_in_x(middle_mm: float) -> FloatArray:
    """A reflection that swaps left and right at x = `middle_mm`."""
    matrix = np.diag([-1.0, 1.0, 1.0, 1.0])
    matrix[0, 3] = 2 * middle_mm
    return matrix
