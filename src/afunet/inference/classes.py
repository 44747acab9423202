"""Which class each voxel of the cleaned mask is, where a network tells several apart."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from afunet.geometry import Volume
from afunet.geometry.box import bounding_box


def classes_in(mask: Volume, predicted: Volume) -> Volume:
    """The predicted class (uint8, from 1) of each voxel of a mask on the same grid, 0 outside it.

    A voxel that the clean-up added, as it fills holes, takes the nearest class in mm.
    """
    found = np.where(mask.voxels != 0, predicted.voxels, 0).astype(np.uint8)
    box = bounding_box(mask.voxels)
    if box is not None:
        inside = found[box]
        added = (mask.voxels[box] != 0) & (inside == 0)
        if added.any() and inside.any():
            nearest = ndimage.distance_transform_edt(
                inside == 0, mask.array_spacing_mm, return_distances=False, return_indices=True
            )
            inside[added] = inside[tuple(axis[added] for axis in nearest)]
    return mask.with_voxels(found)
