"""Batches of augmented crops; the batch depends only on the seed and the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from afunet.data.augment import (
    Augmentation,
    AugmentConfig,
    distort,
    draw_augmentation,
    sample_points,
)
from afunet.data.bank import bank_of
from afunet.data.crop import ATTEMPTS, place_boxes, taken_corners
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError

CPU = torch.device("cpu")
LEAST_PX, MOST_PX = 8, 4096  # of a side; more does not fit in the memory of any machine
IGNORED_SHARE = 0.1
"""The least share of ignored labels in a pixel of a crop that the loss then ignores."""


@dataclass(frozen=True)
class CropConfig:
    """Side of the crop in pixels, and the share of crops planned by eq. 8.

    The other crops are drawn without looking at the bone, so that training also sees table, air
    and muscle without bone, as inference does. With `sizes_px`, all crops of a step have a side
    drawn from these, and a batch has as many crops as have the pixels of a batch of `size_px`.
    """

    size_px: int = 128
    planned: float = 1.0
    sizes_px: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for side in (self.size_px, *self.sizes_px):
            if not LEAST_PX <= side <= MOST_PX:
                raise ConfigError(
                    f"crop.size_px and sizes_px must be from {LEAST_PX} to {MOST_PX}, got {side}"
                )
        if not 0 <= self.planned <= 1:
            raise ConfigError(f"crop.planned must be in [0, 1], got {self.planned}")


@dataclass(frozen=True, eq=False)
class Source:
    """A set of slices and how often crops are drawn from it, relative to the other sources."""

    slices: Sequence[LabelledSlice]
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class BatchDraw:
    """All random numbers of a batch of crops with sides of `side_px`.

    `slices` (B,) are the chosen slices, `places` (B, 100, 2) the attempts of eq. 8 in [0, 1), and
    `planned` (B,) says whether eq. 8 decides.
    """

    slices: Tensor
    places: Tensor
    planned: Tensor
    augmentation: Augmentation
    side_px: int

    def part(self, rows: slice) -> BatchDraw:
        """The draws of the crops in `rows`."""
        return BatchDraw(
            self.slices[rows],
            self.places[rows],
            self.planned[rows],
            self.augmentation.part(rows),
            self.side_px,
        )


class CropSampler:
    """Batches from several sources, cut and augmented on `device`, which holds all slices as bytes.

    With `passes`, every slice is used once in each pass over the data, in a new order, like the
    paper's epochs; otherwise slices are drawn independently, with the weights of their sources. The
    number of crops in a batch is a multiple of `multiple`, so that it can be shared.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        crop: CropConfig,
        augment: AugmentConfig,
        seed: int,
        device: torch.device = CPU,
        *,
        passes: bool = False,
        classes: int = 1,
        multiple: int = 1,
    ) -> None:
        slices = [item for source in sources for item in source.slices]
        self.bank = bank_of(slices, device, classes)
        self.crop = crop
        self.augment = augment
        self.seed = seed
        self.passes = passes
        self.multiple = multiple
        counts = [len(source.slices) for source in sources]
        weights = np.array([source.weight for source in sources], dtype=np.float64)
        if passes and len(set(weights.tolist())) > 1:
            raise ConfigError(
                f"with epochs, all [[data]] weights must be equal, got {list(weights)}",
                code="OPTIONS_CLASH",
            )
        chances = np.repeat(weights / weights.sum() / counts, counts)
        self._cumulative = chances.cumsum() / chances.sum()

    def batch(self, step: int, size: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Images (size, input_slices, px, px) in [0, 1] and masks (size, classes, px, px) 0/1.

        `part` selects rows of the batch, so that each of several processes cuts only its own.
        """
        return self.cut(self.draw(step, size).part(part))

    def draw(self, step: int, size: int) -> BatchDraw:
        """The random numbers of one step, on the CPU; a batch of `size_px` has `size` crops."""
        side_px, size = self._side_and_size(step, size)
        rng = np.random.default_rng([self.seed, step])
        slices = self._in_order(step, size) if self.passes else self._at_random(size, rng)
        return BatchDraw(
            slices=torch.from_numpy(slices),
            places=torch.from_numpy(rng.random((size, ATTEMPTS, 2))),
            planned=torch.from_numpy(rng.random(size) < self.crop.planned),
            augmentation=draw_augmentation(self.augment, size, rng),
            side_px=side_px,
        )

    def cut(self, draw: BatchDraw) -> tuple[Tensor, Tensor]:
        """Apply a draw: the same draw gives the same crops.

        If a teacher has seen slices, its probabilities (B, classes, px, px) follow the masks. If
        labels are ignored, the weight of each pixel (B, 1, px, px) comes last: 0 where ignored
        labels have a share of `IGNORED_SHARE` or more, else 1.
        """
        device, bank = self.bank.device, self.bank
        chosen, places = draw.slices.to(device), draw.places.to(device)
        augmentation = draw.augmentation.to(device)
        sides = (draw.side_px / augmentation.scale).round().long().clamp(min=8)
        boxes = place_boxes(bank.sizes[chosen], sides, places)
        planned = taken_corners(boxes, *bank.bone_in_boxes(chosen, boxes, sides))
        corners = torch.where(draw.planned.to(device)[:, None], planned, boxes[:, 0])
        points = sample_points(corners, sides, draw.side_px, augmentation)
        grey, shares = bank.look_up(chosen, *points)
        masks, others = shares.tensor_split([bank.classes], 1)
        masks = (masks >= 0.5).float()
        if bank.ignores:
            others = torch.cat([others[:, :-1], (others[:, -1:] < IGNORED_SHARE).float()], 1)
        return distort(grey, augmentation), torch.cat([masks, others], 1)

    def _side_and_size(self, step: int, size: int) -> tuple[int, int]:
        """The side of a step's crops and their number."""
        px, sizes = self.crop.size_px, self.crop.sizes_px
        if not sizes:
            return px, size
        side = int(np.random.default_rng([self.seed, step, 2]).choice(sizes))
        shares = round(size * (px / side) ** 2 / self.multiple)
        return side, self.multiple * max(1, shares)

    def _at_random(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = self._cumulative.searchsorted(rng.random(size), side="right")
        return np.asarray(chosen.clip(max=len(self.bank) - 1), dtype=np.int64)

    def _in_order(self, step: int, size: int) -> NDArray[np.int64]:
        count = len(self.bank)
        place = np.arange(step * size, (step + 1) * size)
        orders = {
            epoch: np.random.default_rng([self.seed, epoch, 1]).permutation(count)
            for epoch in set((place // count).tolist())
        }
        return np.array([orders[i // count][i % count] for i in place.tolist()])
