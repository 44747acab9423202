"""Slice planes in the patient, and stacks of them about the leg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .leg import CENTRE_MM, FloatArray, Vector, hu_at

SLICES, STEP_MM, PIXEL_MM, ROWS, COLUMNS = 48, 2.0, 0.95, 96, 100
LEFT, BACK, HEAD = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
RIGHT, FRONT, FEET = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)

Move = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Field:
    """The pixels of a plane: how many rows and columns, and how far apart they are."""

    rows: int = ROWS
    columns: int = COLUMNS
    between_rows_mm: float = PIXEL_MM
    between_columns_mm: float = PIXEL_MM


PLAIN_FIELD = Field()
# For planes that are far from axial: as wide as the turned leg, and as high as the leg.
LARGE_FIELD = Field(116, 120)
HIGH_FIELD = Field(116, 100)


@dataclass(frozen=True)
class Plane:
    """A slice: the centre of its first pixel, the directions along a row and down a column."""

    origin_mm: Vector
    row: Vector
    column: Vector
    field: Field = PLAIN_FIELD

    @property
    def normal(self) -> FloatArray:
        """The cross product of the row and column directions."""
        return np.cross(self.row, self.column)

    def points_mm(self) -> FloatArray:
        """The centres (row, column, 3) of the pixels."""
        down = np.arange(self.field.rows)[:, None, None] * self.field.between_rows_mm
        right = np.arange(self.field.columns)[None, :, None] * self.field.between_columns_mm
        return self.origin_mm + down * np.array(self.column) + right * np.array(self.row)

    def hu(self) -> NDArray[np.float32]:
        """HU (row, column) of the leg."""
        return _hu(self)


@lru_cache(maxsize=512)
def _hu(plane: Plane) -> NDArray[np.float32]:
    hu = hu_at(plane.points_mm()).astype(np.float32)
    hu.setflags(write=False)
    return hu


def plane_at(centre_mm: FloatArray, row: Vector, column: Vector, field: Field) -> Plane:
    """The plane whose field is centred at a point."""
    right_mm = (field.columns - 1) / 2 * field.between_columns_mm
    down_mm = (field.rows - 1) / 2 * field.between_rows_mm
    origin = centre_mm - right_mm * np.array(row) - down_mm * np.array(column)
    return Plane(_vector(origin), row, column, field)


def heights_mm(slices: int = SLICES, step_mm: float = STEP_MM) -> FloatArray:
    """Evenly spaced heights about 0."""
    return (np.arange(slices) - (slices - 1) / 2) * step_mm


def stack(
    row: Vector = LEFT,
    column: Vector = BACK,
    heights: Sequence[float] | FloatArray | None = None,
    *,
    field: Field = PLAIN_FIELD,
    along: Vector | None = None,
    move: Move = lambda height: (0.0, 0.0),
) -> list[Plane]:
    """Planes through the leg at heights from its centre, by default the plain axial stack.

    The heights run along the normal, or `along` another direction, as with a tilted gantry.
    `move` shifts the field of a height along its row and column directions.
    """
    direction = np.cross(row, column) if along is None else np.array(along)
    planes = []
    for height in heights_mm() if heights is None else heights:
        right_mm, down_mm = move(float(height))
        shift = right_mm * np.array(row) + down_mm * np.array(column)
        planes.append(plane_at(CENTRE_MM + height * direction + shift, row, column, field))
    return planes


def tilted(degrees: float) -> list[Plane]:
    """Slices of a gantry tilted about the patient's left-right axis, stacked along the table."""
    angle = np.radians(degrees)
    column = (0.0, float(np.cos(angle)), float(np.sin(angle)))
    return stack(LEFT, column, heights_mm(SLICES + 14), along=HEAD)


def swivelled(degrees: float) -> list[Plane]:
    """Slices of a gantry turned about the patient's front-back axis, stacked along the table."""
    angle = np.radians(degrees)
    row = (float(np.cos(angle)), 0.0, float(np.sin(angle)))
    return stack(row, BACK, heights_mm(SLICES + 14), along=HEAD)


def turned(about_x: float, about_y: float, about_z: float) -> list[Plane]:
    """A straight stack whose axial directions are turned, in degrees, about x, then y, then z."""
    a, b, c = np.radians((about_x, about_y, about_z))
    x_turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y_turn = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z_turn = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    directions = z_turn @ y_turn @ x_turn
    row, column = _vector(directions[:, 0]), _vector(directions[:, 1])
    return stack(row, column, heights_mm(60), field=LARGE_FIELD)


def sagittal() -> list[Plane]:
    """Slices from right to left, rows towards the back, columns towards the feet."""
    return stack(BACK, FEET, heights_mm(60, 1.5), field=HIGH_FIELD)


def coronal() -> list[Plane]:
    """Slices from front to back, rows towards the left, columns towards the feet."""
    return stack(LEFT, FEET, heights_mm(60, 1.5), field=HIGH_FIELD)


def _vector(values: FloatArray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
