"""How far a volume's bone is from another's, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from .leg import CENTRE_MM, THRESHOLD_HU, FloatArray, bone_at, landmarks_of

BoolArray = NDArray[np.bool_]

# Well inside the plain stack, and off its voxels and the origin.
STEP_MM = 0.8
LOW_MM: FloatArray = CENTRE_MM - np.array([38.13, 38.31, 40.07])
SHAPE = (96, 96, 100)  # (x, y, z)


@dataclass(frozen=True)
class Difference:
    """Dice of two masks, and how far the landmark that is furthest off has moved."""

    dice: float
    landmark_mm: float


def world_points_mm() -> FloatArray:
    """The points (x, y, z, 3) of the one grid on which all volumes are compared."""
    return LOW_MM + STEP_MM * np.stack(np.indices(SHAPE), axis=-1)


def exact_bone() -> BoolArray:
    """The analytic bone (x, y, z) on the common grid."""
    return bone_at(world_points_mm())


def resampled_bone(voxels_hu: NDArray[np.generic], affine: FloatArray) -> BoolArray:
    """A volume's bone (x, y, z) on the common grid, False outside of the volume.

    `voxels_hu` are (slice, row, column), `affine` maps (column, row, slice) to LPS mm. The HU are
    interpolated before the threshold: masks of two grids a voxel apart agree too little for 0.99.
    """
    inverse = np.linalg.inv(affine)
    matrix = (inverse[:3, :3] * STEP_MM)[::-1]
    offset = (inverse[:3, :3] @ LOW_MM + inverse[:3, 3])[::-1]
    hu = affine_transform(
        voxels_hu.astype(np.float32), matrix, offset, SHAPE, order=1, mode="nearest"
    )
    bone = hu >= THRESHOLD_HU
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    for axis, size in enumerate(voxels_hu.shape):
        index = matrix[axis, 0] * i + matrix[axis, 1] * j + matrix[axis, 2] * k + offset[axis]
        bone &= (index >= -0.5) & (index <= size - 0.5)
    return np.asarray(bone)


def difference(
    bone: BoolArray, expected: BoolArray, between_mm: tuple[float, float] | None = None
) -> Difference:
    """Compare two masks on the common grid, all of it or between two heights of the leg.

    Between heights there are no whole landmarks to compare: they count as not moved.
    """
    points_mm = world_points_mm()
    if between_mm is not None:
        height = points_mm[0, 0, :, 2] - CENTRE_MM[2]
        kept = (height >= between_mm[0]) & (height <= between_mm[1])
        return Difference(dice(bone[..., kept], expected[..., kept]), 0.0)
    theirs, ours = landmarks_of(points_mm, bone), landmarks_of(points_mm, expected)
    off_mm = max(float(np.linalg.norm(theirs[name] - ours[name])) for name in ours)
    return Difference(dice(bone, expected), off_mm)


def dice(first: BoolArray, second: BoolArray) -> float:
    """Twice the overlap over the sum; 1 where both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0
