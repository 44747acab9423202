"""Conversion of axial planes to what the store keeps: windowed, on the working grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.data.cases import SliceRecord
from afunet.data.layouts.pair import Given
from afunet.data.slices import LabelledSlice
from afunet.preprocessing import BONE_WINDOW
from afunet.preprocessing.grid import WorkingGrid, working_grid


@dataclass(frozen=True)
class Plane:
    """The pixel grid of a case's planes: native and working size, and the stored pixel size."""

    grid: WorkingGrid
    spacing_mm: tuple[float, float] | None


def plane_of(
    native: tuple[int, int],
    spacing_mm: tuple[float, float] | None,
    allowed_mm: tuple[float, float],
) -> Plane:
    """The grid that inference uses for pixels of this (row, column) size."""
    grid = working_grid(native, spacing_mm, allowed_mm)
    if spacing_mm is None:
        return Plane(grid, None)
    row_mm, column_mm = (
        size * count / working
        for size, count, working in zip(spacing_mm, native, grid.working, strict=True)
    )
    return Plane(grid, (row_mm, column_mm))


def slice_of_hu(
    hu: NDArray[Any], mask: NDArray[Any], level: int, given: Given, plane: Plane
) -> LabelledSlice:
    """One axial plane of HU (H, W) and its classes (H, W) as a labelled slice."""
    unit = BONE_WINDOW.to_unit(hu)
    if plane.grid.resamples:
        unit = plane.grid.to_working(unit)
    grey = np.rint(unit * 255).astype(np.uint8)
    return LabelledSlice(grey[None], _mask(mask, plane), record_of(given, level, plane))


def slice_of_grey(
    grey: NDArray[np.uint8], mask: NDArray[Any], record: SliceRecord, plane: Plane
) -> LabelledSlice:
    """One plane that is already 8-bit in the bone window, as a labelled slice."""
    if plane.grid.resamples:
        grey = np.rint(plane.grid.to_working(grey)).astype(np.uint8)
    return LabelledSlice(grey[None], _mask(mask, plane), record)


def record_of(given: Given, level: int, plane: Plane) -> SliceRecord:
    """The record of one slice, with the names of the data set."""
    return SliceRecord(
        given.case,
        given.patient,
        level,
        given.split,
        given.status,
        given.side,
        given.region,
        plane.spacing_mm,
    )


def _mask(mask: NDArray[Any], plane: Plane) -> NDArray[np.uint8]:
    """Resample a mask: a pixel of the working grid gets a class that covers at least half of it."""
    if not plane.grid.resamples:
        return np.ascontiguousarray(mask, dtype=np.uint8)
    classes = np.zeros(plane.grid.working, dtype=np.uint8)
    for number in range(1, int(mask.max()) + 1):
        classes[plane.grid.to_working(mask == number) >= 0.5] = number
    return classes
