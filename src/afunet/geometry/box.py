"""The part of an array that is not background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Box = tuple[slice, slice, slice]


def bounding_box(voxels: NDArray[Any]) -> Box | None:
    """Smallest (slice, row, column) box with all voxels other than 0; None if there are none."""
    whole = voxels if voxels.dtype.kind in "biu" else voxels != 0
    shadow = np.bitwise_or.reduce(whole, axis=0) != 0
    rows, columns = _span(shadow.any(axis=1)), _span(shadow.any(axis=0))
    slices = _span(np.array([plane.any() for plane in whole[:, rows, columns]]))
    return None if slices.stop == 0 else (slices, rows, columns)


def _span(used: NDArray[np.bool_]) -> slice:
    """From the first to the last place in use; empty if none is."""
    places = np.flatnonzero(used)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def label_boxes(labels: NDArray[Any]) -> dict[int, Box]:
    """The bounding box of every label above 0 of an integer array (slice, row, column)."""
    boxes = enumerate(boxes_in_order(labels), start=1)
    return {label: box for label, box in boxes if box is not None}


def boxes_in_order(labels: NDArray[Any]) -> list[Box | None]:
    """The bounding box of labels 1, 2, … of an integer array; None for a number that is missing."""
    around = bounding_box(labels)  # most of a scan is air, and a look for boxes costs more
    if around is None:
        return []
    return [box and _moved(box, around) for box in ndimage.find_objects(labels[around])]


def _moved(box: Box, around: Box) -> Box:
    """A box that was counted from the first corner of another, counted like that."""
    first, second, third = (
        slice(outer.start + side.start, outer.start + side.stop)
        for side, outer in zip(box, around, strict=True)
    )
    return first, second, third


def box_round(one: Box, other: Box) -> Box:
    """The smallest box that contains both."""
    first, second, third = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return first, second, third


def box_within(box: Box, reach_mm: float, spacing_mm: tuple[float, float, float]) -> Box:
    """The box with all voxels within `reach_mm` of it; it may end beyond the array.

    `spacing_mm` is that of (slice, row, column).
    """
    first, second, third = (
        slice(max(0, side.start - reach), side.stop + reach)
        for side, reach in zip(box, (int(np.ceil(reach_mm / mm)) for mm in spacing_mm), strict=True)
    )
    return first, second, third


def common_box(one: Box, other: Box) -> Box:
    """The part that lies in both boxes, perhaps nothing."""
    first, second, third = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return first, second, third
