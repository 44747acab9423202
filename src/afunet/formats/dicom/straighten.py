"""Resample slices that do not lie on their stack's grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from afunet.formats.dicom.gate import Stack
from afunet.formats.dicom.pixels import AIR_HU
from afunet.geometry import ImagePlane


def straightened(slices: Iterable[NDArray[Any]], stack: Stack) -> Iterator[NDArray[np.int16]]:
    """Yield HU (rows, columns) of every slice of the stack's grid, from its images in order.

    Interpolation is linear, in the plane and between the two images around a level; places outside
    all images become air. Two images are in memory at a time.
    """
    images = (_on_grid(hu, plane, stack) for hu, plane in zip(slices, stack.planes, strict=True))
    below, above = next(images), None
    index = 0
    for level_mm in stack.levels_mm:
        while index + 1 < len(stack.along_mm) and stack.along_mm[index + 1] <= level_mm + 1e-6:
            below, above = (next(images) if above is None else above), None
            index += 1
        part = _part(stack, index, float(level_mm))
        if part == 0:
            yield _whole(below)
            continue
        above = next(images) if above is None else above
        yield _whole(below * np.float32(1 - part) + above * np.float32(part))


def _whole(hu: NDArray[np.float32]) -> NDArray[np.int16]:
    limits = np.iinfo(np.int16)
    return np.rint(hu).clip(limits.min, limits.max).astype(np.int16)


def _part(stack: Stack, index: int, level_mm: float) -> float:
    """The position of a level between image `index` (0) and the next one (1)."""
    if index + 1 == len(stack.along_mm):
        return 0.0
    low_mm, high_mm = stack.along_mm[index], stack.along_mm[index + 1]
    part = (level_mm - low_mm) / (high_mm - low_mm)
    return 0.0 if part * (high_mm - low_mm) < 0.01 else float(part)


def _on_grid(hu: NDArray[Any], plane: ImagePlane, stack: Stack) -> NDArray[np.float32]:
    """Resample an image in its plane to the rows and columns of the grid."""
    to_pixel = np.linalg.inv(plane.affine) @ stack.affine
    scale = to_pixel[[1, 0], [1, 0]]  # rows first, as arrays are
    # The grid's slices lie at other levels, so only the shift within the plane counts.
    offset = (np.linalg.inv(plane.affine) @ stack.affine[:, 3])[[1, 0]]
    values = hu.astype(np.float32, copy=False)
    _, rows, columns = stack.shape
    whole, order = np.rint(offset), 1
    if np.allclose(scale, 1) and np.abs(offset - whole).max() < 1e-3:
        scale, offset, order = np.ones(2), whole, 0  # pixels coincide: no interpolation
    return np.asarray(
        affine_transform(
            values,
            scale,
            offset,
            output_shape=(rows, columns),
            order=order,
            mode="constant",
            cval=AIR_HU,
            output=np.float32,
        )
    )
