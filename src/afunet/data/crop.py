"""The planned random crop (eq. 8), which makes training crops contain bone.

At attempt i ∈ [1, 100] a random crop is taken if N_crop / N_image ≥ 0.2 / i + 0.2, where N counts
bone pixels. All attempts of a batch are counted at once from summed-area tables. If no attempt
qualifies (bone wider than the crop, or scattered), the one with the most bone is taken; on a
slice without bone it is the first one.

Boxes are squares given by their top-left corner (row, column) and side in pixels. All functions
run on the device of their arguments and draw no random numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

ATTEMPTS = 100


def summed_area_tables(masks: Tensor) -> Tensor:
    """(B, H, W) 0/1 → (B, H + 1, W + 1) int32: the ones above row r and left of column c."""
    sums = masks.cumsum(2, dtype=torch.int32).cumsum(1, dtype=torch.int32)
    return pad(sums, (1, 0, 1, 0))


def count_in_boxes(tables: Tensor, corners: Tensor, sides: Tensor) -> Tensor:
    """Count ones (B, A) in boxes at `corners` (B, A, 2) of `sides` (B,); outside it is all 0."""
    rows, columns = tables.shape[1] - 1, tables.shape[2] - 1
    ends = corners + sides[:, None, None]
    top, bottom = corners[..., 0].clamp(0, rows), ends[..., 0].clamp(0, rows)
    left, right = corners[..., 1].clamp(0, columns), ends[..., 1].clamp(0, columns)
    which = torch.arange(len(tables), device=tables.device)[:, None]
    return (
        tables[which, bottom, right]
        - tables[which, top, right]
        - tables[which, bottom, left]
        + tables[which, top, left]
    )


def required_share(attempt: Tensor) -> Tensor:
    """The right-hand side of eq. 8 for attempts counted from 1."""
    return 0.2 / attempt + 0.2


def place_boxes(sizes: Tensor, sides: Tensor, places: Tensor) -> Tensor:
    """Corners (B, A, 2) of boxes inside slices of `sizes` (B, 2), for `places` drawn from [0, 1).

    If the slice is smaller than the box along an axis, the box contains it at a random place.
    """
    room = (sizes - sides[:, None])[:, None]  # (B, 1, 2)
    low, high = room.clamp(max=0), room.clamp(min=0)
    return low + (places * (high - low + 1)).long()


def taken_attempt(counts: Tensor, totals: Tensor) -> Tensor:
    """The attempt that eq. 8 takes (B,), from bone pixels in boxes (B, A) and slices (B,)."""
    share = counts.double() / totals.clamp(min=1)[:, None]  # (B, A), 0 without bone
    attempts = torch.arange(1, counts.shape[1] + 1, device=counts.device, dtype=torch.float64)
    accepted = share >= required_share(attempts)
    first = accepted.byte().argmax(1)
    return torch.where(accepted.any(1), first, _first_maximum(share))


def _first_maximum(values: Tensor) -> Tensor:
    """`argmax` along axis 1 that takes the first of equal values on every device."""
    return (values == values.amax(1, keepdim=True)).byte().argmax(1)


def taken_corners(corners: Tensor, counts: Tensor, totals: Tensor) -> Tensor:
    """Of boxes at `corners` (B, A, 2) with `counts` (B, A) of bone, those that eq. 8 takes (B, 2).

    `totals` (B,) are the bone pixels of whole slices.
    """
    taken = taken_attempt(counts, totals)
    return corners[torch.arange(len(corners), device=corners.device), taken]
