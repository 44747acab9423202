"""A part of a grid put back where it belongs."""

from __future__ import annotations

import numpy as np

from afunet.geometry.volume import Volume


def embedded(part: Volume, grid: Volume) -> Volume:
    """`part` with zeros around it to the size of `grid`, if it lies inside; else as it is.

    Both must run along the same axes. Where the part lies between the grid's voxels, so does the
    result: whether they are one grid is for the caller to ask.
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
