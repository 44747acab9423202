"""Convert stored numbers to Hounsfield units, exactly and in little memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT16 = np.iinfo(np.int16)


def rescaled(
    stored: NDArray[Any], slope: float = 1.0, intercept: float = 0.0
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Return `slope · stored + intercept` (PS3.3 C.11.1.1.2) as int16 if exact, else as float32.

    It is exact if all results are whole numbers, also as floats, and fit int16.
    """
    if np.issubdtype(stored.dtype, np.integer) and slope.is_integer() and intercept.is_integer():
        low, high = (slope * float(value) + intercept for value in (stored.min(), stored.max()))
        if INT16.min <= min(low, high) and max(low, high) <= INT16.max:
            return (stored.astype(np.int32) * int(slope) + int(intercept)).astype(np.int16)
    hu = (stored * slope + intercept).astype(np.float32)
    return hu.astype(np.int16) if _fits_int16(hu) else hu


def stacked(
    slices: Iterable[NDArray[Any]], shape: tuple[int, int, int]
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Stack HU slices (row, column) into one array of `shape`.

    The array is int16 until a slice is not; from then on it is float32.
    """
    voxels: NDArray[np.int16] | NDArray[np.float32] = np.empty(shape, dtype=np.int16)
    for index, hu in enumerate(slices):
        if hu.dtype != np.int16 and voxels.dtype == np.int16:
            voxels = voxels.astype(np.float32)
        voxels[index] = hu
    return voxels


def _fits_int16(hu: NDArray[np.float32]) -> bool:
    if not np.isfinite(hu).all() or hu.min() < INT16.min or hu.max() > INT16.max:
        return False
    return bool((hu == np.rint(hu)).all())
