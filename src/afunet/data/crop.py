"""The planned random crop (eq. 8): training sees where the bone is.

At attempt i ∈ [1, 100] a random crop is taken when N_crop / N_image ≥ 0.2 / i + 0.2, N counting
bone pixels. All attempts are drawn and counted at once from a summed-area table. Where none
qualifies (bone wider than the crop, or scattered), the attempt with the most bone is taken; on a
slice without bone the first attempt is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ATTEMPTS = 100


def summed_area_table(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(H, W) 0/1 → (H + 1, W + 1) with entry (r, c) = number of ones above r and left of c."""
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(mask, axis=0, dtype=np.int64), axis=1, out=table[1:, 1:])
    return table


def count_in_boxes(
    table: NDArray[np.int64], top_left: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Ones inside square boxes (N, 2) of side `size`; what lies outside the slice counts as 0."""
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    top, left = np.clip(top_left[:, 0], 0, rows), np.clip(top_left[:, 1], 0, columns)
    bottom = np.clip(top_left[:, 0] + size, 0, rows)
    right = np.clip(top_left[:, 1] + size, 0, columns)
    return np.asarray(
        table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    )


def required_share(attempt: NDArray[np.int64]) -> NDArray[np.float64]:
    """The right side of eq. 8 for attempts counted from 1."""
    return 0.2 / attempt + 0.2


def draw_boxes(
    shape: tuple[int, int], size: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`count` top-left corners (count, 2) of boxes inside the slice.

    Along an axis shorter than the box, the slice lies anywhere inside the box.
    """
    room = np.array(shape) - size
    low, high = np.minimum(room, 0), np.maximum(room, 0)
    return rng.integers(low, high + 1, size=(count, 2))


def planned_crop(
    mask: NDArray[np.uint8], size: int, rng: np.random.Generator, attempts: int = ATTEMPTS
) -> tuple[int, int]:
    """Top-left corner (row, column) of the crop of side `size` that eq. 8 takes."""
    boxes = draw_boxes((mask.shape[0], mask.shape[1]), size, attempts, rng)
    table = summed_area_table(mask)
    in_image = int(table[-1, -1])
    if in_image == 0:
        return int(boxes[0, 0]), int(boxes[0, 1])
    share = count_in_boxes(table, boxes, size) / in_image
    accepted = np.flatnonzero(share >= required_share(np.arange(1, attempts + 1)))
    chosen = accepted[0] if len(accepted) else int(np.argmax(share))
    return int(boxes[chosen, 0]), int(boxes[chosen, 1])
