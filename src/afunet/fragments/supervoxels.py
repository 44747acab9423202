"""Small regions of a bone that no contact runs through: what fragments are put together from."""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]
CONTACT = 0.4
"""From this probability on, a voxel is no place for the middle of a region."""
RIDGE = 20.0
"""So many voxels of depth weighs a sure contact: where there is one, the border follows it."""
APART = 1
"""Middles of regions that are no more than so many voxels apart are one."""


def supervoxels(
    mask: NDArray[np.bool_],
    contact: Float32Array,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> IntArray:
    """Regions of a bone (D, H, W) on cubic or nearly cubic voxels, from 1; 0 outside.

    They grow from the places that are furthest from the surface and from contacts (watershed), and
    meet at contacts, and elsewhere where bone is thin. So a contact with a hole in it is still a
    border, with a little of the hole.
    """
    steps = np.array(spacing_mm) / min(spacing_mm)
    middle = mask & (contact < CONTACT)
    depth = np.asarray(edt.edt(middle, anisotropy=steps, black_border=True), dtype=np.float32)
    smooth = ndimage.uniform_filter(depth, 3)
    highest = ndimage.maximum_filter(smooth, 2 * APART + 1)
    seeds = cc3d.connected_components((smooth == highest) & (depth > 0), connectivity=26)
    regions = watershed(RIDGE * contact - smooth, seeds.astype(np.int32), mask=mask)
    missed = mask & (regions == 0)
    if missed.any():
        crumbs = cc3d.connected_components(missed, connectivity=6).astype(np.int32)
        regions = np.where(missed, crumbs + regions.max(), regions)
    return np.asarray(regions, dtype=np.int32)
