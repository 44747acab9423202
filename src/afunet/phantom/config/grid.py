"""The voxel grid of a simulated CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError
from afunet.geometry import Volume

Affine = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Grid:
    """Shape (slices, rows, columns) and the affine from (column, row, slice) to LPS mm."""

    shape: tuple[int, int, int]
    affine: Affine

    def matrix(self) -> NDArray[np.float64]:
        """The affine as an array (4, 4)."""
        return np.array(self.affine, dtype=np.float64)

    def empty(self) -> Volume:
        """A volume of zeros (int16) on this grid."""
        return Volume(np.zeros(self.shape, dtype=np.int16), self.matrix())


def grid_of(affine: NDArray[np.floating], shape: tuple[int, int, int]) -> Grid:
    """The grid of an affine (4, 4) array; `ConfigError` if the array has another shape."""
    if np.shape(affine) != (4, 4):
        raise ConfigError(f"a grid needs a 4×4 affine, got shape {np.shape(affine)}")
    return Grid(shape, tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in affine))


def axial_grid(
    shape: tuple[int, int, int],
    spacing_mm: float,
    step_mm: float,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Grid:
    """Axial slices `step_mm` apart around a centre; columns run to the left, rows to the back."""
    slices, rows, columns = shape
    affine = np.diag([spacing_mm, spacing_mm, step_mm, 1.0])
    half = np.array([(columns - 1) * spacing_mm, (rows - 1) * spacing_mm, (slices - 1) * step_mm])
    affine[:3, 3] = np.array(centre_mm) - half / 2
    return grid_of(affine, shape)
