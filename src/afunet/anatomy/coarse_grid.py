"""A mask on a coarse grid along the patient's axes: the share of bone in each voxel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Box, Volume, bounding_box

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
AT_ONCE = 1 << 17
"""The number of points whose places are in memory at once."""


@dataclass(frozen=True, eq=False)
class CoarseGrid:
    """A grid of voxels of `step_mm` along the LPS axes, `shape` (z, y, x), with corner `low_mm`."""

    low_mm: FloatArray
    shape: tuple[int, int, int]
    step_mm: float

    @classmethod
    def around(
        cls, low_mm: FloatArray, high_mm: FloatArray, step_mm: float, margin: int = 8
    ) -> CoarseGrid:
        """The smallest grid around a box, with a margin in voxels."""
        cells = np.ceil((high_mm - low_mm) / step_mm).astype(int) + 2 * margin + 1
        columns, rows, slices = cells.tolist()
        return cls(low_mm - (margin + 0.5) * step_mm, (slices, rows, columns), step_mm)

    def cells(self, points_mm: NDArray[np.floating]) -> NDArray[np.int64]:
        """Flat indices (N,) of the voxels that hold points (N, 3), all of them in the grid."""
        found = np.empty(len(points_mm), dtype=np.int64)
        for start in range(0, len(points_mm), AT_ONCE):
            some = points_mm[start : start + AT_ONCE]
            x, y, z = np.floor((some - self.low_mm) / self.step_mm).astype(np.int64).T
            found[start : start + AT_ONCE] = (z * self.shape[1] + y) * self.shape[2] + x
        return found

    def filled(self, cells: NDArray[np.int64], point_mm3: float) -> Float32Array:
        """The filled share of each voxel, (z, y, x), at most 1, if each point is `point_mm3`."""
        counts = np.bincount(cells, minlength=int(np.prod(self.shape)))
        share = np.minimum(counts * (point_mm3 / self.step_mm**3), 1.0)
        return np.asarray(share.reshape(self.shape), dtype=np.float32)

    def centres_mm(self) -> Float32Array:
        """Centres of the voxels, (z, y, x, 3)."""
        z, y, x = np.indices(self.shape, dtype=np.float32)
        middle = np.stack([x, y, z], axis=-1) + np.float32(0.5)
        return np.asarray(middle * np.float32(self.step_mm) + self.low_mm.astype(np.float32))


@dataclass(frozen=True, eq=False)
class LabelPoints:
    """Points (N, 3) in LPS mm that represent the labelled voxels of a slice, and their labels."""

    mm: FloatArray
    labels: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class LabelSampling:
    """Samples the voxels of a label volume as points at most `step_mm` / 2 apart."""

    volume: Volume
    box: Box
    every: int
    offsets: FloatArray
    point_mm3: float

    @classmethod
    def of(cls, labels: Volume, step_mm: float) -> LabelSampling | None:
        """Prepare the sampling of a label volume; None if no voxel has a label."""
        box = bounding_box(labels.voxels)
        if box is None:
            return None
        slice_mm, row_mm, column_mm = labels.array_spacing_mm
        every = max(1, int(step_mm / 4 / max(row_mm, column_mm)))
        parts = [max(1, int(np.ceil(2 * mm / step_mm))) for mm in (column_mm, row_mm, slice_mm)]
        inner = [(np.arange(count) + 0.5) / count - 0.5 for count in parts]
        offsets = np.stack(np.meshgrid(*inner, indexing="ij"), axis=-1).reshape(-1, 3)
        point_mm3 = labels.voxel_volume_mm3 * every**2 / len(offsets)
        return cls(labels, box, every, offsets @ labels.affine[:3, :3].T, point_mm3)

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The lowest and highest corner, in LPS mm, of a box that encloses all points."""
        ends = [(axis.start - 0.5, axis.stop - 0.5) for axis in reversed(self.box)]
        corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
        mm = self.volume.to_mm(corners)
        return mm.min(axis=0), mm.max(axis=0)

    def points(self) -> Iterator[LabelPoints]:
        """The points, slice by slice."""
        first = np.array([axis.start for axis in reversed(self.box)])
        for index, plane in enumerate(self.volume.voxels[self.box]):
            rows, columns = np.nonzero(plane[:: self.every, :: self.every])
            if not len(rows):
                continue
            rows, columns = rows * self.every, columns * self.every
            where = np.stack([columns, rows, np.full(len(rows), index)], axis=-1) + first
            mm = self.volume.to_mm(where)[:, None] + self.offsets
            labels = np.repeat(plane[rows, columns], len(self.offsets))
            yield LabelPoints(mm.reshape(-1, 3), labels)
