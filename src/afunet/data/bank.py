"""All slices of a training set in the memory of one device, one byte per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from afunet.data.slices import LabelledSlice
from afunet.errors import InputError


@dataclass(frozen=True, eq=False)
class SliceBank:
    """N slices of any sizes, one after another.

    `grey` and `mask` are flat uint8 arrays. A slice has `planes` planes in `grey` and one in
    `mask`, each stored row by row; the mask is 1 to `classes` in bone and 0 elsewhere. A slice
    begins at `grey_start` and `mask_start` (N,); `sizes` (N, 2) are its rows and columns.
    """

    grey: Tensor
    mask: Tensor
    grey_start: Tensor
    mask_start: Tensor
    sizes: Tensor
    planes: int
    classes: int

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def device(self) -> torch.device:
        """The device that holds the bytes and computes on them."""
        return self.grey.device

    def masks_of(self, chosen: Tensor) -> Tensor:
        """Masks (B, H, W) of slices `chosen` (B,), padded with zeros to the largest size."""
        sizes = self.sizes[chosen]
        height, width = sizes.amax(0).tolist()
        starts = self.mask_start[chosen].tolist()
        planes = []
        for start, (rows, columns) in zip(starts, sizes.tolist(), strict=True):
            plane = self.mask[start : start + rows * columns].view(rows, columns)
            planes.append(pad(plane, (0, width - columns, 0, height - rows)))
        return torch.stack(planes)

    def look_up(self, chosen: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Interpolate bilinearly at points (B, h, w) of slices `chosen` (B,).

        The centre of pixel i has coordinate i. Returns grey (B, planes, h, w) and the share of
        each class (B, classes, h, w), both float32 in [0, 1]; both are 0 outside a slice.
        """
        height, width = (self.sizes[chosen, axis][:, None, None] for axis in (0, 1))
        row, column = rows.floor().long(), columns.floor().long()
        down, across = rows - row, columns - column
        area = (height * width)[:, None]
        plane = torch.arange(self.planes, device=self.device)[:, None, None] * area
        first = (self.grey_start[chosen][:, None, None, None] + plane, self.mask_start[chosen])
        grey = torch.zeros(len(chosen), self.planes, *rows.shape[1:], device=self.device)
        values = torch.arange(1, self.classes + 1, device=self.device)[:, None, None]
        shares = torch.zeros(len(chosen), self.classes, *rows.shape[1:], device=self.device)
        for row_step, row_weight in ((0, 1 - down), (1, down)):
            for column_step, column_weight in ((0, 1 - across), (1, across)):
                r, c = row + row_step, column + column_step
                inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
                weight = row_weight * column_weight * inside
                at = torch.where(inside, r * width + c, 0)
                grey += weight[:, None] * self.grey[first[0] + at[:, None]]
                mask = self.mask[first[1][:, None, None] + at]
                shares += weight[:, None] * (mask[:, None] == values)
        return grey / 255, shares


def bank_of(slices: Sequence[LabelledSlice], device: torch.device, classes: int = 1) -> SliceBank:
    """Copy slices to a device; `InputError` if their numbers of planes differ."""
    planes = {item.grey.shape[0] for item in slices}
    if len(planes) != 1:
        raise InputError(
            f"the slices have {sorted(planes)} planes: all slices of a training set need the same",
            code="SIZES_DIFFER",
        )
    sizes = torch.tensor([item.mask.shape for item in slices], dtype=torch.int64)
    pixels = sizes.prod(1)
    start = pixels.cumsum(0) - pixels
    grey = np.concatenate([item.grey.reshape(-1) for item in slices])
    mask = np.concatenate([item.mask.reshape(-1) for item in slices])
    count = planes.pop()
    return SliceBank(
        grey=torch.from_numpy(grey).to(device),
        mask=torch.from_numpy(mask).to(device),
        grey_start=(start * count).to(device),
        mask_start=start.to(device),
        sizes=sizes.to(device),
        planes=count,
        classes=classes,
    )
