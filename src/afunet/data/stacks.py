"""The slices of a case as one volume, for programs that read volumes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.data.slices import LabelledSlice
from afunet.errors import InputError
from afunet.geometry import Volume

APART_MM, UNKNOWN_MM = 20.0, 1.0
"""The step from slice to slice, which is unknown since labelled slices need not be neighbours: the
largest that is read again, so that nnU-Net's 2D configuration slices along this axis. And the size
of a pixel where it is unknown."""


@dataclass(frozen=True, eq=False)
class SliceStack:
    """The slices of one case and split, by level.

    `name` is the case, with the split if the case was split slice by slice.
    """

    name: str
    patient: str
    slices: tuple[LabelledSlice, ...]

    def grey(self) -> NDArray[np.uint8]:
        """All images (slice, row, column)."""
        return np.stack([item.grey[len(item.grey) // 2] for item in self.slices])

    def mask(self) -> NDArray[np.uint8]:
        """All masks (slice, row, column)."""
        return np.stack([item.mask for item in self.slices])

    def placed(self, voxels: NDArray[np.int16] | NDArray[np.uint8]) -> Volume:
        """Voxels (slice, row, column) on a grid with the size of the case's pixels."""
        row_mm, column_mm = self.slices[0].record.spacing_mm or (UNKNOWN_MM, UNKNOWN_MM)
        return Volume(voxels, np.diag([column_mm, row_mm, APART_MM, 1.0]))


def stacks_of(slices: Sequence[LabelledSlice]) -> list[SliceStack]:
    """The stacks of slices of one split, by name; `InputError` if sizes differ within a case."""
    cases: dict[str, list[LabelledSlice]] = {}
    for item in slices:
        record = item.record
        name = f"{record.case}-{record.split}" if record.by_slice else record.case
        cases.setdefault(name, []).append(item)
    return [_stack(name, cases[name]) for name in sorted(cases)]


def _stack(name: str, slices: Sequence[LabelledSlice]) -> SliceStack:
    sizes = sorted({item.mask.shape for item in slices})
    if len(sizes) > 1:
        raise InputError(
            f"the slices of {name} have {len(sizes)} sizes, {sizes[0]} and others: a volume needs "
            "one size",
            code="SIZES_DIFFER",
        )
    by_level = sorted(slices, key=lambda item: item.record.level)
    return SliceStack(name, slices[0].record.patient, tuple(by_level))
