"""The part of an array that is not background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Box = tuple[slice, slice, slice]


def bounding_box(voxels: NDArray[Any]) -> Box | None:
    """Smallest (slice, row, column) box with all voxels other than 0; None if there are none."""
    filled = voxels != 0
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(filled.any(axis=others))
        if len(used) == 0:
            return None
        spans.append(slice(int(used[0]), int(used[-1]) + 1))
    return spans[0], spans[1], spans[2]


def label_boxes(labels: NDArray[Any]) -> dict[int, Box]:
    """The bounding box of every label above 0 of an integer array (slice, row, column)."""
    boxes = ndimage.find_objects(labels)
    return {label: box for label, box in enumerate(boxes, start=1) if box is not None}


def box_round(one: Box, other: Box) -> Box:
    """The smallest box that contains both."""
    first, second, third = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return first, second, third
