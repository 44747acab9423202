"""The place of each view of a scene in the picture, and their common scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afunet.report.surfaces.view import Frame, View

_TEXT_PER_HEIGHT = 1 / 55
_SIDE_TEXTS = 3.5
_OVER_TEXTS = 2.7
_NARROWEST_TEXTS = 11
_STRIP_TEXTS = 4.0


@dataclass(frozen=True, eq=False)
class Panel:
    """One view in the picture: its left upper corner, its frame and the extent of the surfaces."""

    view: View
    left: int
    top: int
    frame: Frame
    span_pixels: tuple[float, float]

    @property
    def bottom(self) -> int:
        """The row at which the strip of its caption begins."""
        return self.top + self.frame.height

    @property
    def middle(self) -> tuple[float, float]:
        """The centre of the surfaces in the picture."""
        return self.left + self.frame.width / 2, self.top + self.frame.height / 2


@dataclass(frozen=True)
class Layout:
    """Panels in one or two rows: a strip for the legend on top, one for captions under each row."""

    width: int
    height: int
    rows: int = 1
    letters_for: int | None = None

    @property
    def text(self) -> float:
        """Height of the letters in pixels, for a picture as high as `letters_for` or this one."""
        return max(9.0, (self.letters_for or self.height) * _TEXT_PER_HEIGHT)

    @property
    def strip(self) -> int:
        """Height of the strips in pixels."""
        return round(_STRIP_TEXTS * self.text)

    def fitted(self, views: Sequence[View], points_mm: NDArray[np.float64]) -> Layout:
        """Return the layout in the number of rows that shows the surfaces largest, without spare.

        A knee takes two rows; a whole leg, or two side by side, takes one.
        """
        chosen = min(
            (replace(self, rows=rows) for rows in (1, 2)),
            key=lambda layout: layout.panels(views, points_mm)[0].frame.mm_per_pixel,
        )
        needed = max(panel.bottom for panel in chosen.panels(views, points_mm)) + self.strip
        height = min(self.height, max(needed, self.height // 3))
        return replace(chosen, height=height, letters_for=self.height)

    def panels(self, views: Sequence[View], points_mm: NDArray[np.float64]) -> list[Panel]:
        """Return a panel for each view that shows all LPS points (N, 3), as wide as these.

        All have one scale: the largest at which everything fits beside the orientation letters.
        """
        seen = [view.project(points_mm)[:, :2] for view in views]
        low = np.stack([points.min(axis=0) for points in seen])
        spans_mm = np.maximum(np.stack([points.max(axis=0) for points in seen]) - low, 1e-3)
        scale = self._mm_per_pixel(spans_mm)
        places, top = [], self.strip
        for spans in self._by_row(spans_mm):
            height = int(np.ceil(spans[:, 1].max() / scale + self._over))
            for left, width in _side_by_side(self._widths(spans[:, 0] / scale)):
                places.append((int(left), top, int(width), height))
            top += height + self.strip
        return [
            Panel(
                view,
                left,
                top,
                _frame(corner + span / 2, scale, width, height),
                (span[0] / scale, span[1] / scale),
            )
            for view, corner, span, (left, top, width, height) in zip(
                views, low, spans_mm, places, strict=True
            )
        ]

    @property
    def _over(self) -> float:
        """Room for the letters above and below the surfaces."""
        return 2 * _OVER_TEXTS * self.text

    def _by_row(self, spans_mm: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the extents of each row; the first row has one more if the number is odd."""
        return np.array_split(spans_mm, self.rows)

    def _mm_per_pixel(self, spans_mm: NDArray[np.float64]) -> float:
        """Return the fewest mm per pixel at which all heights and all widths side by side fit."""
        rows = self._by_row(spans_mm)
        # One pixel per row is kept for rounding.
        room = self.height - self.strip - self.rows * (self.strip + self._over + 1)
        scale = sum(spans[:, 1].max() for spans in rows) / max(room, 1)
        for spans in rows:
            while self._needed(spans[:, 0] / scale).sum() > self.width and scale < 1e6:
                scale *= 1.01
        return float(scale)

    def _needed(self, span_pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        beside = 2 * _SIDE_TEXTS * self.text
        return np.maximum(span_pixels + beside, _NARROWEST_TEXTS * self.text)

    def _widths(self, span_pixels: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the panels' widths in pixels; spare room is divided evenly."""
        needed = self._needed(span_pixels)
        spare = max(self.width - needed.sum(), 0) / len(needed)
        return np.asarray(np.floor(needed + spare), dtype=np.int64)


def _side_by_side(widths: NDArray[np.int64]) -> Iterator[tuple[np.int64, np.int64]]:
    return zip(np.cumsum([0, *widths[:-1]]), widths, strict=True)


def _frame(centre_mm: NDArray[np.float64], scale: float, width: int, height: int) -> Frame:
    return Frame(float(centre_mm[0]), float(centre_mm[1]), scale, width, height)
