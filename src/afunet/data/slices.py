"""What a training step sees: a batch of augmented crops, the same for the same step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from afunet.data.augment import AugmentConfig, distort, draw_augmentation, sample_crop
from afunet.data.cases import SliceRecord
from afunet.data.crop import draw_boxes, planned_crop
from afunet.errors import ConfigError, InputError
from afunet.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class LabelledSlice:
    """Grey (input_slices, H, W) uint8 in the bone window, mask (H, W) uint8 0/1, its record."""

    grey: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    record: SliceRecord


def load_slices(
    records: Sequence[SliceRecord], input_slices: int = 1, progress: Progress = silent
) -> tuple[LabelledSlice, ...]:
    """Read every slice, with its neighbours where the network takes 3 or 5.

    A level that the case does not have is replaced by the nearest that it has. Raises
    `InputError` for files that are no images, images that are not 8-bit grey, masks with other
    values than 0 and 1, and sizes that differ where they must not.
    """
    greys = {}
    for done, record in enumerate(records):
        greys[record.case, record.level] = _read_grey(record)
        progress("reading slices", done + 1, len(records))
    levels: dict[str, list[int]] = {}
    for case, level in greys:
        levels.setdefault(case, []).append(level)
    reach = input_slices // 2

    def stack(record: SliceRecord) -> NDArray[np.uint8]:
        known = np.array(levels[record.case])
        wanted = range(record.level - reach, record.level + reach + 1)
        nearest = [int(known[np.argmin(abs(known - level))]) for level in wanted]
        planes = [greys[record.case, level] for level in nearest]
        if len({plane.shape for plane in planes}) > 1:
            raise InputError(f"{record.case} slice {record.level}: neighbours of another size")
        return np.stack(planes)

    return tuple(LabelledSlice(stack(record), _read_mask(record), record) for record in records)


@dataclass(frozen=True)
class CropConfig:
    """Side of the crop in pixels, and the share of crops planned by eq. 8.

    The rest is drawn without looking at the bone, so that training also sees table, air and
    muscle alone, as inference will.
    """

    size_px: int = 128
    planned: float = 1.0

    def __post_init__(self) -> None:
        if self.size_px < 8 or not 0 <= self.planned <= 1:
            raise ConfigError(
                f"crop needs size_px ≥ 8 and planned in [0, 1], got {self.size_px}, {self.planned}"
            )


@dataclass(frozen=True, eq=False)
class Source:
    """A set of slices and how often a crop comes from it, relative to the other sources."""

    slices: Sequence[LabelledSlice]
    weight: float = 1.0


class CropSampler:
    """Batches drawn from several sources; batch `step` is the same whenever it is asked for."""

    def __init__(
        self, sources: Sequence[Source], crop: CropConfig, augment: AugmentConfig, seed: int
    ) -> None:
        self.sources = sources
        self.crop = crop
        self.augment = augment
        self.seed = seed
        weights = np.array([source.weight for source in sources], dtype=np.float64)
        self.shares = weights / weights.sum()

    def batch(self, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Images (size, input_slices, px, px) in [0, 1] and masks (size, 1, px, px) 0/1."""
        pairs = [self._crop(np.random.default_rng([self.seed, step, i])) for i in range(size)]
        images, masks = zip(*pairs, strict=True)
        return torch.stack(images), torch.stack(masks)[:, None]

    def _crop(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        source = self.sources[int(rng.choice(len(self.sources), p=self.shares))]
        chosen = source.slices[int(rng.integers(len(source.slices)))]
        draw = draw_augmentation(self.augment, rng)
        side = max(8, round(self.crop.size_px / draw.scale))
        if rng.random() < self.crop.planned:
            corner = planned_crop(chosen.mask, side, rng)
        else:
            row, column = draw_boxes(chosen.mask.shape, side, 1, rng)[0]
            corner = int(row), int(column)
        grey = torch.from_numpy(chosen.grey).float() / 255
        mask = torch.from_numpy(chosen.mask)
        image, label = sample_crop(grey, mask, corner, side, self.crop.size_px, draw)
        return distort(image, draw), label


def prefetched(
    sampler: CropSampler, first: int, last: int, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of steps first…last − 1, each prepared while the one before is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(sampler.batch, first, size) if first < last else None
        for step in range(first, last):
            assert coming is not None
            batch = coming.result()
            coming = pool.submit(sampler.batch, step + 1, size) if step + 1 < last else None
            yield batch


def _read_grey(record: SliceRecord) -> NDArray[np.uint8]:
    image = _open(record.image, record)
    if image.mode not in ("L", "P"):
        raise InputError(
            f"{record.case} slice {record.level}: expected 8-bit grey, got mode {image.mode}"
        )
    return np.asarray(image.convert("L"))


def _read_mask(record: SliceRecord) -> NDArray[np.uint8]:
    mask = np.asarray(_open(record.mask, record))
    if mask.ndim != 2 or mask.max(initial=0) > 1:
        raise InputError(
            f"{record.case} slice {record.level}: a mask holds 0 and 1, got {mask.max()}"
        )
    with Image.open(record.image) as image:
        if image.size != mask.shape[::-1]:
            raise InputError(
                f"{record.case} slice {record.level}: image {image.size}, mask {mask.shape[::-1]} "
                "pixels"
            )
    return mask.astype(np.uint8)


def _open(path: Path, record: SliceRecord) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError) as error:  # PIL's words for broken files
        kind = path.parent.name
        raise InputError(
            f"{record.case} slice {record.level}: no readable image in {kind}/{path.name}"
        ) from error
