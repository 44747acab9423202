"""Axial slices of a volume stored along any axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume

# Index axes (column, row, slice) are array axes (2, 1, 0).
_ARRAY_AXIS = {0: 2, 1: 1, 2: 0}


@dataclass(frozen=True)
class AxialView:
    """The permutation and flips of a volume's axes that make its slices closest to axial.

    Columns then run to the patient's left, rows to the back, slices to the head, as in a supine
    head-first axial series. Nothing is resampled: an oblique volume stays oblique.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def apply(self, volume: Volume) -> Volume:
        """The same voxels in axial order, as a view (no copy)."""
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
        """Return voxels computed on the axial view to the order of the original volume."""
        flips = tuple(_ARRAY_AXIS[axis] for axis, flip in enumerate(self.flipped) if flip)
        return np.ascontiguousarray(
            np.flip(voxels, flips).transpose(np.argsort(self._array_order()))
        )

    def _array_order(self) -> tuple[int, ...]:
        source = [_ARRAY_AXIS[index_axis] for index_axis in self.order]
        return (source[2], source[1], source[0])


@dataclass(frozen=True, eq=False)
class Axial:
    """A volume reordered so that its slices are closest to axial, and its stored grid."""

    volume: Volume
    view: AxialView
    stored: Volume

    @classmethod
    def of(cls, volume: Volume) -> Axial:
        """The axial view of a volume (no copy)."""
        view = axial_view(volume)
        return cls(view.apply(volume), view, volume)

    def turned(self, other: Volume) -> Volume:
        """Another volume on the stored grid, reordered in the same way."""
        return self.view.apply(other)

    def restored(self, axial: Volume) -> Volume:
        """A volume on the axial grid, returned to the stored order."""
        return self.stored.with_voxels(self.view.restore(axial.voxels))


def axial_view(volume: Volume) -> AxialView:
    """The assignment of index axes to (left, back, head) with the largest sum of cosines."""
    return _view(volume.directions)


def turned_to(volume: Volume, grid: Volume) -> Volume:
    """The same voxels with the axis order and directions of `grid`.

    If both volumes lie on one grid but were stored along different axes, their voxels then have
    the same indices. Nothing is resampled.
    """
    return _view(grid.directions.T @ volume.directions).apply(volume)


def _view(cosines: NDArray[np.float64]) -> AxialView:
    """The view for cosines (target axis, index axis)."""

    def alignment(order: tuple[int, ...]) -> float:
        return float(sum(abs(cosines[wanted, index]) for wanted, index in enumerate(order)))

    first, second, third = max(permutations(range(3)), key=alignment)
    order = (first, second, third)
    signs = [bool(cosines[wanted, index] < 0) for wanted, index in enumerate(order)]
    return AxialView(order, (signs[0], signs[1], signs[2]))
