"""A bone on an even grid: cubic voxels along the scan's own axes, around the bone's box."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Box, Volume

Float32Array = NDArray[np.float32]
MARGIN = 2
"""Even voxels around the bone on every side."""
SOLID = 0.5
"""The least share of bone in a voxel of the even mask."""


@dataclass(frozen=True, eq=False)
class EvenGrid:
    """Cubic voxels of `step_mm` around a box of a volume.

    Along each axis (slice, row, column), even voxel k is centred at index `first + k · ratio` of
    the volume's box. `shape` is that of the even grid.
    """

    box: Box
    step_mm: float
    ratio: tuple[float, float, float]
    first: tuple[float, float, float]
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, box: Box, spacing_mm: tuple[float, float, float], step_mm: float) -> EvenGrid:
        """The grid around a box of a volume with this spacing (slice, row, column)."""
        sizes = [side.stop - side.start for side in box]
        ratio = [step_mm / mm for mm in spacing_mm]
        inner = [int(np.ceil(size / part)) for size, part in zip(sizes, ratio, strict=True)]
        shape = [count + 2 * MARGIN for count in inner]
        first = [
            (size - 1) / 2 - part * (count - 1) / 2
            for size, part, count in zip(sizes, ratio, shape, strict=True)
        ]
        return cls(box, step_mm, _three(ratio), _three(first), _three(shape))

    @property
    def voxel_mm3(self) -> float:
        """The volume of an even voxel."""
        return self.step_mm**3

    def even(self, voxels: NDArray[Any]) -> Float32Array:
        """Values of the volume's box on this grid, 0 outside.

        Interpolated linearly; where the even voxels are larger, averaged over them.
        """
        found = voxels.astype(np.float32, copy=False)
        for axis in range(3):
            weights = _weights(
                found.shape[axis], self.first[axis], self.ratio[axis], self.shape[axis]
            )
            found = np.moveaxis(np.tensordot(weights, found, (1, axis)), 0, axis)
        return np.ascontiguousarray(found)

    def nearest(self, even: NDArray[Any]) -> NDArray[Any]:
        """Of each voxel of the volume's box the value of the even voxel around it."""
        sizes = (side.stop - side.start for side in self.box)
        picked = (
            np.rint((np.arange(size) - first) / ratio).astype(np.intp).clip(0, count - 1)
            for size, first, ratio, count in zip(
                sizes, self.first, self.ratio, self.shape, strict=True
            )
        )
        found: NDArray[Any] = even[np.ix_(*picked)]
        return found

    def box_of(self, box: Box) -> Box:
        """The even voxels whose centres lie in a box of the volume, as far as the grid goes."""
        starts, stops = (
            [
                int(np.ceil((end - 0.5 - own.start - first) / ratio).clip(0, count))
                for end, own, first, ratio, count in zip(
                    ends, self.box, self.first, self.ratio, self.shape, strict=True
                )
            ]
            for ends in ([side.start for side in box], [side.stop for side in box])
        )
        return _three([slice(*ends) for ends in zip(starts, stops, strict=True)])

    def to_mm(self, volume: Volume, places: NDArray[Any]) -> NDArray[np.float64]:
        """LPS mm (..., 3) of places (..., 3) of this grid (slice, row, column)."""
        start = [side.start for side in self.box]
        indices = np.asarray(places) * self.ratio + self.first + np.array(start)
        return volume.to_mm(indices[..., ::-1])


@dataclass(frozen=True, eq=False)
class EvenBone:
    """A bone on an even grid (D, H, W): HU, 0 outside the bone, and the mask."""

    hu: Float32Array
    mask: NDArray[np.bool_]


def even_bone(inside: NDArray[np.bool_], hu: NDArray[Any], grid: EvenGrid) -> EvenBone:
    """A bone on the grid; `inside` and `hu` are the voxels of its box.

    Only HU inside the bone count, so that it is the same whether the CT shows the surroundings.
    """
    share = grid.even(inside)
    sums = grid.even(np.where(inside, hu, 0))
    mask = share >= SOLID
    return EvenBone(np.where(mask, sums / np.maximum(share, SOLID), 0).astype(np.float32), mask)


def _weights(size: int, first: float, ratio: float, count: int) -> Float32Array:
    """The weight of each of `size` voxels for each of `count` even ones: a triangle, summing to 1.

    It is one voxel wide, or one even voxel if those are larger. Outside there is nothing.
    """
    beyond = (MARGIN + 1) * ceil(max(ratio, 1.0)) + 1
    away = np.abs(
        first + ratio * np.arange(count)[:, None] - np.arange(-beyond, size + beyond)
    )  # (count, voxels and some beyond either end)
    weights = np.maximum(0, 1 - away / max(ratio, 1.0))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights[:, beyond:-beyond], dtype=np.float32)


def _three(values: list[Any]) -> tuple[Any, Any, Any]:
    first, second, third = values
    return first, second, third
