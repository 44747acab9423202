"""The part of an array that is not background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]


def bounding_box(voxels: NDArray[Any]) -> Box | None:
    """Smallest (slice, row, column) box that holds all voxels but 0, or None without any."""
    filled = voxels != 0
    spans = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(filled.any(axis=others))
        if len(used) == 0:
            return None
        spans.append(slice(int(used[0]), int(used[-1]) + 1))
    return spans[0], spans[1], spans[2]
