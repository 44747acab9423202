"""Fill the cavities of a bone for which the field of view is cut off."""

from __future__ import annotations

from collections.abc import Sequence

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BoolArray = NDArray[np.bool_]
AtBorder = tuple[bool, bool]
"""Whether an axis begins, and whether it ends, at the border of the field of view."""


def without_cavities(bone: BoolArray, at_border: Sequence[AtBorder]) -> BoolArray:
    """Return bone of up to three dimensions with its cavities filled, those too that a border cuts.

    A border closes a cavity if bone surrounds the opening in it, as a shaft does that leaves the
    field of view: at the border itself the same is asked in one dimension less.
    """
    if not bone.ndim:
        return bone
    padded = np.pad(bone, 1)
    for axis, ends in enumerate(at_border):
        others = [*at_border[:axis], *at_border[axis + 1 :]]
        for end, cut in zip((0, -1), ends, strict=True):
            if cut:
                at: list[slice | int] = [slice(1, -1)] * bone.ndim
                at[axis] = end
                padded[tuple(at)] = without_cavities(np.asarray(np.take(bone, end, axis)), others)
    return _filled(padded)[(slice(1, -1),) * bone.ndim]


def _filled(padded: BoolArray) -> BoolArray:
    """Fill what its first voxel, which is background, is not connected with."""
    if padded.ndim == 1:
        return np.asarray(ndimage.binary_fill_holes(padded))
    connectivity = 2 * padded.ndim
    voids = cc3d.connected_components(~padded, connectivity=connectivity, binary_image=True)
    return np.asarray(voids != voids[(0,) * padded.ndim])
