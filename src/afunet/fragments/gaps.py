"""Gaps in a mask that are thinner than a voxel of the even grid, which would close them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.fragments.even_grid import EvenGrid

REACH_MM = 2.0
"""Regions face each other across a gap no wider than this."""
PARTIAL = 0.5
"""An even voxel of which so much is a gap is one for sure."""


def thin_gaps(inside: NDArray[np.bool_], grid: EvenGrid) -> NDArray[np.float32]:
    """How sure a gap runs through an even voxel, from 0 to 1; `inside` are the box's voxels.

    A gap is what lies between bone along an axis, over no more than an even voxel.
    """
    bone = inside.astype(np.uint8)
    found = np.zeros(inside.shape, dtype=np.bool_)
    for axis in range(3):
        width = round(grid.ratio[axis]) + 1
        if width > 1:
            padded = np.pad(bone, width)
            closed = ndimage.maximum_filter1d(padded, width, axis)
            origin = -1 if width % 2 == 0 else 0
            closed = ndimage.minimum_filter1d(closed, width, axis, origin=origin)
            found |= closed[(slice(width, -width),) * 3] > bone
    return np.asarray(np.minimum(grid.even(found) / PARTIAL, 1), dtype=np.float32)
