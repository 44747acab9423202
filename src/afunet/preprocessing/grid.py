"""The in-plane pixel grid on which a network works."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class WorkingGrid:
    """Native (rows, columns) of a slice and the (rows, columns) that the network sees.

    Both cover the same field of view edge to edge, so going there and back moves nothing.
    """

    native: tuple[int, int]
    working: tuple[int, int]

    @property
    def resamples(self) -> bool:
        """Whether the two differ."""
        return self.native != self.working

    def to_working(self, slices: Tensor) -> Tensor:
        """(N, rows, columns) native → working, area-weighted where pixels get larger."""
        return _resize(slices, self.working) if self.resamples else slices

    def to_native(self, probabilities: Tensor) -> Tensor:
        """(N, rows, columns) working → native, bilinear."""
        return _resize(probabilities, self.native) if self.resamples else probabilities


def working_grid(
    native: tuple[int, int],
    spacing_mm: tuple[float, float] | None,
    allowed_mm: tuple[float, float],
) -> WorkingGrid:
    """The native grid where its pixels are square and within `allowed_mm`, else the nearest one.

    `spacing_mm` is the pixel's (row, column) size; None means that it is not known, and the
    native grid is kept: a guess of the scale would be no better than the network's own.
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


def _resize(slices: Tensor, size: tuple[int, int]) -> Tensor:
    resized = interpolate(
        slices[:, None].to(torch.float32), size=size, mode="bilinear", antialias=True
    )
    return resized[:, 0]
