"""Putting a part of a volume back into the whole grid."""

from __future__ import annotations

import numpy as np

from afunet.geometry.volume import Volume


def embedded(part: Volume, grid: Volume) -> Volume:
    """`part` padded with zeros to the size of `grid` if it lies inside; else `part` unchanged.

    Both must have the same axes. If the part lies between the voxels of `grid`, the result does
    too: the caller must check whether both are on one grid.
    """
    start = np.rint(grid.to_indices(part.origin_mm)).astype(int)
    end = start + np.array(part.shape[::-1])
    if (start < 0).any() or (end > np.array(grid.shape[::-1])).any():
        return part
    voxels = np.zeros(grid.shape, dtype=part.voxels.dtype)
    voxels[start[2] : end[2], start[1] : end[1], start[0] : end[0]] = part.voxels
    affine = part.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ start
    return Volume(voxels, affine)
