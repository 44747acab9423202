"""Axial slices of any volume, whatever axis it was stored along."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume

# Index axes (column, row, slice) live on array axes (2, 1, 0).
_ARRAY_AXIS = {0: 2, 1: 1, 2: 0}


@dataclass(frozen=True)
class AxialView:
    """How a volume's axes are permuted and flipped so that its slices are nearest to axial.

    Columns then run to the patient's left, rows to his back, slices to his head, as in a supine
    head-first axial series. Nothing is resampled: an oblique volume stays oblique.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def apply(self, volume: Volume) -> Volume:
        """The same voxels in axial order, as a view without a copy."""
        affine = volume.affine[:, [*self.order, 3]].copy()
        voxels = volume.voxels.transpose(self._array_order())
        for axis, flip in enumerate(self.flipped):
            if flip:
                count = voxels.shape[_ARRAY_AXIS[axis]]
                affine[:, 3] += affine[:, axis] * (count - 1)
                affine[:, axis] *= -1
                voxels = np.flip(voxels, _ARRAY_AXIS[axis])
        return Volume(voxels, affine)

    def restore(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Voxels computed on the axial view, in the order of the original volume."""
        flips = tuple(_ARRAY_AXIS[axis] for axis, flip in enumerate(self.flipped) if flip)
        return np.ascontiguousarray(
            np.flip(voxels, flips).transpose(np.argsort(self._array_order()))
        )

    def _array_order(self) -> tuple[int, ...]:
        source = [_ARRAY_AXIS[index_axis] for index_axis in self.order]
        return (source[2], source[1], source[0])


@dataclass(frozen=True, eq=False)
class Axial:
    """A volume turned so that its slices are nearest to axial, and its grid as it was stored."""

    volume: Volume
    view: AxialView
    stored: Volume

    @classmethod
    def of(cls, volume: Volume) -> Axial:
        """A view of a volume, without a copy."""
        view = axial_view(volume)
        return cls(view.apply(volume), view, volume)

    def turned(self, other: Volume) -> Volume:
        """Another volume on the stored grid, turned alike."""
        return self.view.apply(other)

    def restored(self, axial: Volume) -> Volume:
        """A volume on the turned grid, as it would be stored."""
        return self.stored.with_voxels(self.view.restore(axial.voxels))


def axial_view(volume: Volume) -> AxialView:
    """The assignment of index axes to (left, back, head) with the largest summed cosines."""
    return _view(volume.directions)


def turned_to(volume: Volume, grid: Volume) -> Volume:
    """The same voxels with their axes in the order and the directions of another volume's.

    A volume on the same grid that was stored along other axes then has its voxels at the same
    indices. Nothing is resampled.
    """
    return _view(grid.directions.T @ volume.directions).apply(volume)


def _view(cosines: NDArray[np.float64]) -> AxialView:
    """Row: the axis to run along, column: the index axis."""

    def alignment(order: tuple[int, ...]) -> float:
        return float(sum(abs(cosines[wanted, index]) for wanted, index in enumerate(order)))

    first, second, third = max(permutations(range(3)), key=alignment)
    order = (first, second, third)
    signs = [bool(cosines[wanted, index] < 0) for wanted, index in enumerate(order)]
    return AxialView(order, (signs[0], signs[1], signs[2]))
