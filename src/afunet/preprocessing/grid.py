"""The in-plane pixel grid on which a network works."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class WorkingGrid:
    """Native (rows, columns) of a slice and the (rows, columns) that the network sees.

    Both cover the same field of view edge to edge, so a round trip does not shift the image.
    """

    native: tuple[int, int]
    working: tuple[int, int]

    @property
    def resamples(self) -> bool:
        """Whether the two grids differ."""
        return self.native != self.working

    def to_working(self, slices: NDArray[Any]) -> NDArray[Any]:
        """(…, rows, columns) native → working, area-weighted if pixels get larger."""
        return _resize(slices, self.working) if self.resamples else slices

    def to_native(self, probabilities: Float32Array) -> Float32Array:
        """(…, rows, columns) working → native, bilinear; none above 1, as sums of weights are."""
        if not self.resamples:
            return probabilities
        found = _resize(probabilities, self.native)
        return np.minimum(found, 1, out=found)


def working_grid(
    native: tuple[int, int],
    spacing_mm: tuple[float, float] | None,
    allowed_mm: tuple[float, float],
) -> WorkingGrid:
    """The native grid if its pixels are square and within `allowed_mm`, else the nearest such grid.

    `spacing_mm` is the pixel's (row, column) size. None means unknown; then the native grid is
    kept, because a guessed scale would not be better than what the network infers itself.
    """
    if spacing_mm is None:
        return WorkingGrid(native, native)
    low, high = allowed_mm
    target = min(max(min(spacing_mm), low), high)
    rows, columns = (
        count if abs(size - target) < 0.02 * target else max(1, round(count * size / target))
        for count, size in zip(native, spacing_mm, strict=True)
    )
    return WorkingGrid(native, (rows, columns))


def _resize(images: NDArray[Any], size: tuple[int, int]) -> Float32Array:
    """Bilinear with antialiasing, columns first: PyTorch's `interpolate(…, antialias=True)`."""
    *leading, rows, columns = images.shape
    narrow = images.reshape(-1, columns).astype(np.float32, copy=False)
    wide = (_weights(columns, size[1]) @ narrow.T).T.reshape(-1, rows, size[1])
    upright = wide.transpose(1, 0, 2).reshape(rows, -1)
    tall = (_weights(rows, size[0]) @ upright).reshape(size[0], -1, size[1])
    return np.ascontiguousarray(tall.transpose(1, 0, 2)).reshape(*leading, *size)


@lru_cache(maxsize=8)
def _weights(given: int, wanted: int) -> csr_matrix:
    """(wanted, given): each new pixel is a weighted mean of old ones; the weights form a triangle.

    The triangle reaches from the pixel's centre to its neighbours' centres in the coarser grid.
    """
    scale = np.float32(given / wanted)
    width = max(scale, np.float32(1))
    middle = (scale * (np.arange(wanted) + 0.5)).astype(np.float32)
    first = np.maximum((middle - width + 0.5).astype(int), 0)
    last = np.minimum((middle + width + 0.5).astype(int), given)
    counts = last - first
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns = np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)
    away = np.abs(columns - np.repeat(middle, counts) + 0.5) / width
    weights = np.maximum(1 - away, 0).astype(np.float32)
    weights /= np.repeat(np.add.reduceat(weights, starts[:-1]), counts)
    return csr_matrix((weights, columns, starts), shape=(wanted, given))
