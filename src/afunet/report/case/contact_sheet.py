"""The layout of pictures of one size on a sheet, each under its caption."""

from __future__ import annotations

from dataclasses import dataclass

_GAP = 12
_TEXT = 20
_STRIP = 34
_TALLEST = 0.8


@dataclass(frozen=True)
class ContactSheet:
    """`count` tiles in rows of `columns` over a footer; everything in pixels."""

    count: int
    columns: int
    width: int
    tile_height_per_width: float

    @staticmethod
    def fitting(count: int, width: int, tile_height_per_width: float) -> ContactSheet:
        """Return the sheet with the largest tiles whose height is at most 0.8 of its width.

        A sheet with a full last row is preferred if it needs at most two more columns.
        """
        sheets = [
            ContactSheet(count, columns, width, tile_height_per_width)
            for columns in range(1, count + 1)
        ]
        fitting = [sheet for sheet in sheets if sheet.size[1] <= _TALLEST * width]
        if not fitting:
            return sheets[-1]
        near = fitting[:3]
        return next((sheet for sheet in near if count % sheet.columns == 0), near[0])

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of a tile."""
        width = max(1, (self.width - _GAP) // self.columns - _GAP)
        return width, max(1, round(width * self.tile_height_per_width))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        rows = -(-self.count // self.columns)
        return self.width, rows * self._row_height + _STRIP + _GAP

    @property
    def text(self) -> int:
        """Height of the letters."""
        return _TEXT

    @property
    def footer(self) -> tuple[int, int]:
        """Left end of the footer's middle line."""
        return _GAP, self.size[1] - (_STRIP + _GAP) // 2

    def corner(self, place: int) -> tuple[int, int]:
        """Return the left upper corner of a tile."""
        row, column = divmod(place, self.columns)
        return _GAP + column * (self.tile[0] + _GAP), _STRIP + row * self._row_height

    def caption(self, place: int) -> tuple[int, int]:
        """Return the left end of the middle line of a tile's caption."""
        left, top = self.corner(place)
        return left, top - _STRIP // 2

    @property
    def _row_height(self) -> int:
        return self.tile[1] + _STRIP
