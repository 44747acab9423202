"""Slices and their masks in memory, as training and evaluation see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afunet.data.cases import PngSlice, SliceRecord
from afunet.errors import InputError
from afunet.formats.png_masks import binary_mask, bone_value, mask_values
from afunet.watch import UNWATCHED, Watch


@dataclass(frozen=True, eq=False)
class LabelledSlice:
    """Grey (input_slices, H, W) uint8 in the bone window, mask (H, W) uint8, and the record.

    The mask is 0 outside bone, else the number of a class, from 1; bone alone is 1. `soft`, if a
    teacher has seen the slice, is its probability of each class (classes, H, W), 0 to 255.
    `ignored` (H, W) is true where the loss must not use the label; None if it uses all.
    """

    grey: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    record: SliceRecord
    soft: NDArray[np.uint8] | None = None
    ignored: NDArray[np.bool_] | None = None


def load_slices(
    records: Sequence[PngSlice],
    input_slices: int = 1,
    watch: Watch = UNWATCHED,
    *,
    labelled: bool = True,
) -> tuple[LabelledSlice, ...]:
    """Read every slice, with its neighbours if the network takes 3 or 5 slices.

    Slices that are not `labelled` get empty masks.

    A level that the case does not have is replaced by the nearest one that it has. Raises
    `InputError` for unreadable images, images that are not 8-bit grey, masks of more than two
    values, and sizes that differ between image and mask or between neighbours.
    """
    greys = {}
    for done, record in enumerate(records):
        greys[record.case, record.level] = read_grey(record)
        watch.tell("reading slices", done + 1, len(records))
    levels = levels_of(records)

    def stack(record: SliceRecord) -> NDArray[np.uint8]:
        near = neighbour_levels(levels[record.case], record.level, input_slices)
        planes = [greys[record.case, level] for level in near]
        require_one_size(planes, record)
        return np.stack(planes)

    def mask(record: PngSlice) -> NDArray[np.uint8]:
        if labelled:
            return read_mask(record)
        return np.zeros_like(greys[record.case, record.level])

    return tuple(LabelledSlice(stack(record), mask(record), record) for record in records)


def levels_of(records: Iterable[SliceRecord]) -> dict[str, list[int]]:
    """The levels of each case in ascending order."""
    levels: dict[str, list[int]] = {}
    for record in records:
        levels.setdefault(record.case, []).append(record.level)
    return {case: sorted(known) for case, known in levels.items()}


def slice_name(record: SliceRecord) -> str:
    """The name of a slice at the beginning of an error message."""
    return f"{record.case} slice {record.level}"


def neighbour_levels(known: Sequence[int], level: int, input_slices: int) -> list[int]:
    """The `input_slices` levels around `level`, each replaced by the nearest known one."""
    reach = input_slices // 2
    wanted = range(level - reach, level + reach + 1)
    return [min(known, key=lambda other: (abs(other - near), other)) for near in wanted]


def require_one_size(planes: Sequence[NDArray[np.uint8]], record: SliceRecord) -> None:
    """Raise `InputError` if a slice's neighbours differ from it in size."""
    if len({plane.shape for plane in planes}) > 1:
        raise InputError(
            f"{slice_name(record)}: its neighbours differ in size", code="SIZES_DIFFER"
        )


def read_grey(record: PngSlice) -> NDArray[np.uint8]:
    """The image (H, W) of a slice folder's slice; errors as in `load_slices`."""
    image = _open(record.image, record)
    if image.mode not in ("L", "P"):
        raise InputError(
            f"{slice_name(record)}: expected 8-bit grey, got mode {image.mode}",
            code="NOT_GREY",
        )
    return np.asarray(image.convert("L"))


def read_mask(record: PngSlice) -> NDArray[np.uint8]:
    """The mask (H, W) of a slice folder's slice as 0 and 1; errors as in `load_slices`."""
    return read_mask_value(record)[0]


def read_mask_value(record: PngSlice) -> tuple[NDArray[np.uint8], int]:
    """The mask of `read_mask`, and the value of bone in its file (`formats.png_masks`)."""
    values = mask_values(_open(record.mask, record))
    try:
        bone = bone_value(np.unique(values).tolist())
    except InputError as error:
        raise InputError(f"{slice_name(record)}: {error}", code=error.code) from None
    mask = binary_mask(values, bone)
    with Image.open(record.image) as image:
        if image.size != mask.shape[::-1]:
            raise InputError(
                f"{slice_name(record)}: the image has {image.size} pixels, the mask "
                f"{mask.shape[::-1]}",
                code="SIZES_DIFFER",
            )
    return mask, bone


def _open(path: Path, record: SliceRecord) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError) as error:  # what PIL raises for broken files
        kind = path.parent.name
        raise InputError(
            f"{slice_name(record)}: cannot read the image {kind}/{path.name}",
            code="FILE_BROKEN",
        ) from error
