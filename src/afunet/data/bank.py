"""All slices of a training set in the memory of one device, one byte per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from afunet.data.crop import count_in_boxes, summed_area_tables
from afunet.data.slices import LabelledSlice
from afunet.errors import InputError

IGNORED = 128
"""The bit of a mask's byte that marks a label which the loss ignores."""


@dataclass(frozen=True, eq=False)
class SliceBank:
    """N slices of any sizes, one after another.

    `grey` and `mask` are flat uint8 arrays. A slice has `planes` planes in `grey` and one in
    `mask`, each stored row by row; the mask is 1 to `classes` (below 128) in bone, else 0, plus
    `IGNORED` where a bank that `ignores` labels does so. A slice begins at `grey_start` and
    `mask_start` (N,); `sizes` (N, 2) are its rows and columns, and `bone` (N, 4) the first row and
    column and the end row and column of its bone, 0 without bone. `soft` holds `classes` planes of
    a teacher's probability for each slice; it is None without a teacher.
    """

    grey: Tensor
    mask: Tensor
    soft: Tensor | None
    grey_start: Tensor
    mask_start: Tensor
    sizes: Tensor
    bone: Tensor
    planes: int
    classes: int
    ignores: bool = False

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def device(self) -> torch.device:
        """The device that holds the bytes and computes on them."""
        return self.grey.device

    def bone_in_boxes(
        self, chosen: Tensor, corners: Tensor, sides: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Bone pixels (B, A) in boxes at `corners` (B, A, 2) of `sides` (B,), and in all (B,)."""
        origins, tables = self.bone[chosen, :2], summed_area_tables(self._bone_of(chosen))
        counts = count_in_boxes(tables, corners - origins[:, None], sides)
        return counts, tables[:, -1, -1]

    def _bone_of(self, chosen: Tensor) -> Tensor:
        """The boxes of bone (B, H, W), 0/1, of slices `chosen` (B,), padded to the largest."""
        boxes = self.bone[chosen]
        height, width = (boxes[:, 2:] - boxes[:, :2]).amax(0).tolist()
        planes = []
        for index, (top, left, bottom, right) in zip(chosen.tolist(), boxes.tolist(), strict=True):
            plane = self._planes(self.mask, self.mask_start, index, 1)[0, top:bottom, left:right]
            planes.append(
                pad(plane % IGNORED > 0, (0, width - right + left, 0, height - bottom + top))
            )
        return torch.stack(planes)

    def look_up(self, chosen: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Interpolate bilinearly at points (B, h, w) of slices `chosen` (B,).

        The centre of pixel i has coordinate i. Returns grey (B, planes, h, w), and the share of
        each class (B, classes, h, w), both float32 in [0, 1] and 0 outside a slice. Behind the
        shares follow the teacher's probabilities (B, classes, h, w), if there are any, and the
        share of ignored labels (B, 1, h, w), if the bank ignores some.
        """
        reach = [
            torch.stack([axis.flatten(1).amin(1).floor(), axis.flatten(1).amax(1).floor() + 2])
            for axis in (rows, columns)
        ]  # the pixels that are needed
        regions = torch.cat(reach).long().T.tolist()
        looked = torch.stack(
            [
                self._sampled(index, region, rows[i], columns[i])
                for i, (index, region) in enumerate(zip(chosen.tolist(), regions, strict=True))
            ]
        )
        return looked[:, : self.planes], looked[:, self.planes :]

    def _sampled(self, index: int, region: list[int], rows: Tensor, columns: Tensor) -> Tensor:
        """All planes of one slice at points (h, w), from the pixels of `region` alone."""
        height, width = self.sizes[index].tolist()
        top, bottom = (min(max(edge, 0), height) for edge in region[:2])
        left, right = (min(max(edge, 0), width) for edge in region[2:])
        if top == bottom or left == right:
            count = self.planes + self.classes * (1 if self.soft is None else 2) + self.ignores
            return torch.zeros(count, *rows.shape, device=self.device)
        part = (slice(None), slice(top, bottom), slice(left, right))
        values = torch.arange(1, self.classes + 1, device=self.device)[:, None, None]
        mask = self._planes(self.mask, self.mask_start, index, 1)[part]
        grey = self._planes(self.grey, self.grey_start, index, self.planes)[part]
        planes = [grey / 255, (mask % IGNORED == values).float()]
        if self.soft is not None:
            soft = self._planes(self.soft, self.classes * self.mask_start, index, self.classes)
            planes.append(soft[part] / 255)
        if self.ignores:
            planes.append((mask >= IGNORED).float())
        across = (2 * (columns - left) + 1) / (right - left) - 1
        down = (2 * (rows - top) + 1) / (bottom - top) - 1
        points = torch.stack([across, down], -1)[None].float()
        return grid_sample(torch.cat(planes)[None], points, align_corners=False)[0]

    def _planes(self, flat: Tensor, starts: Tensor, index: int, count: int) -> Tensor:
        """`count` planes (count, H, W) of one slice."""
        rows, columns = self.sizes[index].tolist()
        start = int(starts[index])
        return flat[start : start + count * rows * columns].view(count, rows, columns)


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
    mask = np.concatenate([_marked(item).reshape(-1) for item in slices])
    soft = None
    if any(item.soft is not None for item in slices):
        parts = np.concatenate([_soft_of(item, classes).reshape(-1) for item in slices])
        soft = torch.from_numpy(parts).to(device)
    count = planes.pop()
    return SliceBank(
        grey=torch.from_numpy(grey).to(device),
        mask=torch.from_numpy(mask).to(device),
        soft=soft,
        grey_start=(start * count).to(device),
        mask_start=start.to(device),
        sizes=sizes.to(device),
        bone=torch.tensor([_bone_box(item.mask) for item in slices]).to(device),
        planes=count,
        classes=classes,
        ignores=any(item.ignored is not None for item in slices),
    )


def _marked(item: LabelledSlice) -> NDArray[np.uint8]:
    """The mask (H, W), with `IGNORED` added where the loss ignores it."""
    if item.ignored is None:
        return item.mask
    return np.where(item.ignored, item.mask | np.uint8(IGNORED), item.mask)


def _soft_of(item: LabelledSlice, classes: int) -> NDArray[np.uint8]:
    """A teacher's probabilities (classes, H, W); the labels stand in where it saw nothing."""
    if item.soft is not None:
        return item.soft
    values = np.arange(1, classes + 1)[:, None, None]
    return np.where(item.mask == values, np.uint8(255), np.uint8(0))


def _bone_box(mask: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
