"""Whether a mask can be the mask of its image: what every layout asks of a case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from afunet.data.slices import LabelledSlice
from afunet.errors import InputError
from afunet.preprocessing import BONE_WINDOW

RIM_PX = 2
LEAST_STEP_HU = 50.0
_SQUARE = np.ones((3, 3), dtype=bool)


def require_believable(slices: Sequence[LabelledSlice]) -> None:
    """Raise `InputError` for masks without bone and for masks that do not follow the image.

    Just inside its outline bone is denser than just outside. On the shared knees, thighs, legs,
    arms and pelvis that step is 163 HU or more in every case; with the masks of another knee it
    is below 40 HU in 99 of 100, since such an outline runs across bone and flesh alike.
    """
    if not any(item.mask.any() for item in slices):
        raise InputError("the label is empty: it marks no bone in any slice", code="EMPTY_MASK")
    step_hu = density_step_hu(slices)
    if step_hu < LEAST_STEP_HU:
        raise InputError(
            f"the label does not fit the image: its edge is a step of {step_hu:.0f} HU, expected "
            f"{LEAST_STEP_HU:.0f} or more; is it another case's label, mirrored or shifted?",
            code="LABEL_MISFIT",
        )


def density_step_hu(slices: Sequence[LabelledSlice]) -> float:
    """Mean HU of a rim inside the masks' outlines minus that of a rim outside, over all slices.

    HU are those of the bone window, clipped. 0 where there is no outline.
    """
    inside, outside = np.zeros(2), np.zeros(2)
    for item in slices:
        if item.mask.any():
            box = _around(item.mask)
            mask = item.mask[box].astype(bool)
            grey = item.grey[len(item.grey) // 2][box]
            inside += _sum_and_count(grey, mask & ~binary_erosion(mask, _SQUARE, RIM_PX))
            outside += _sum_and_count(grey, binary_dilation(mask, _SQUARE, RIM_PX) & ~mask)
    if not (inside[1] and outside[1]):
        return 0.0
    grey_step = float(inside[0] / inside[1] - outside[0] / outside[1])
    return grey_step * (BONE_WINDOW.high_hu - BONE_WINDOW.low_hu) / 255


def _around(mask: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The box of all ones with room for the outer rim."""
    spans = []
    for axis, length in enumerate(mask.shape):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        spans.append(slice(max(0, used[0] - RIM_PX), min(length, used[-1] + 1 + RIM_PX)))
    return spans[0], spans[1]


def _sum_and_count(grey: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array([float(grey[where].sum(dtype=np.int64)), float(where.sum())])
