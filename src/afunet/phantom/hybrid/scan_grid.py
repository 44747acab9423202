"""The grid of the broken bone's scan, and the finer one on which it is composed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from afunet.geometry import Volume
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, IntArray

_MARGIN_MM = 4.0
_THICKEST_STEP_MM = 1.3
"""Thicker slices are averaged over thinner steps."""


@dataclass(frozen=True, eq=False)
class ScanGrid:
    """Steps in a box, `parts` (3,) of them to a voxel of the scan along (slice, row, column).

    `start_mm` is the centre of the first step in the bone's frame; `near` (box shape) marks the
    steps that may hold bone and `points` (N, 3) are their places in order.
    """

    start_mm: FloatArray
    step_mm: FloatArray
    parts: IntArray
    near: BoolArray
    points: Float32Array

    @staticmethod
    def around(
        bone: Float32Array, bone_mm: FloatArray, spacing_mm: FloatArray, reach_mm: float
    ) -> ScanGrid:
        """The grid of a spacing around voxel centres (N, 3) of bone, `bone_mm` apart (3,)."""
        parts = np.maximum(1, np.ceil(spacing_mm / _THICKEST_STEP_MM)).astype(np.int64)
        step = spacing_mm / parts
        low, high = bone.min(axis=0) - _MARGIN_MM, bone.max(axis=0) + _MARGIN_MM
        shape = np.ceil((high - low) / spacing_mm).astype(np.int64) * parts
        near = np.zeros(shape, dtype=np.uint8)
        places = np.rint((bone - low) / step).astype(np.int64)
        near[tuple(np.clip(places, 0, shape - 1).T)] = 1
        wide = 2 * np.ceil((bone_mm.max() + reach_mm) / step).astype(np.int64) + 1
        marked = ndimage.maximum_filter(near, tuple(int(size) for size in wide)) > 0
        points = (np.argwhere(marked) * step + low).astype(np.float32)
        return ScanGrid(low, step, parts, marked, points)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the scan (slice, row, column)."""
        slices, rows, columns = (int(n) for n in np.array(self.near.shape) // self.parts)
        return slices, rows, columns

    def blocks(self, values: Float32Array) -> Float32Array:
        """Sums of values (box shape) over the steps of each voxel of the scan."""
        slices, rows, columns = self.shape
        a, b, c = (int(part) for part in self.parts)
        if a * b * c == 1:
            return values
        return np.asarray(values.reshape(slices, a, rows, b, columns, c).sum(axis=(1, 3, 5)))

    def affine(self, bone: Volume) -> FloatArray:
        """The scan's affine, its axes those of the bone's volume."""
        first_mm = self.start_mm + self.step_mm * (self.parts - 1) / 2
        matrix = np.eye(4)
        matrix[:3, :3] = bone.directions * (self.step_mm * self.parts)[::-1]
        matrix[:3, 3] = bone.to_mm((first_mm / bone.array_spacing_mm)[::-1])
        return matrix
