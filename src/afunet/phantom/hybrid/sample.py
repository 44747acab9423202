"""A thinned bone, on which a break is drawn: which way bone runs, and what a surface would part."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from scipy.spatial import cKDTree

from afunet.fragments.broken_bone import BrokenBone
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, IntArray, Rng

_COARSE_MM = 2.0
_NEIGHBOURHOOD_MM = 18.0


@dataclass(frozen=True, eq=False)
class Sample:
    """Points (N, 3) about 2 mm apart inside a bone, in its frame, and their places in a grid."""

    points: Float32Array
    voxels: IntArray
    voxel_mm3: float

    @staticmethod
    def of(bone: BrokenBone) -> Sample:
        """Every so many voxels of the bone along each axis; all of them if they are wide."""
        spacing = np.array(bone.fragments.array_spacing_mm)
        step = np.maximum(1, np.rint(_COARSE_MM / spacing)).astype(np.int64)
        thin = bone.fragments.voxels[:: step[0], :: step[1], :: step[2]]
        voxels = np.argwhere(thin > 0)
        points = (voxels * step * spacing).astype(np.float32)
        return Sample(points, voxels, float(np.prod(step * spacing)))

    def any_point(self, rng: Rng, where: BoolArray | None = None) -> FloatArray:
        """A point (3,) at random, of those chosen if any are."""
        pool = self.points if where is None or not where.any() else self.points[where]
        return np.asarray(pool[rng.integers(len(pool))], dtype=np.float64)

    def run_of_bone(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Directions (3, 3) in which the bone nearby extends, longest first, and how far (3,)."""
        near = self.points[cKDTree(self.points).query_ball_point(at, _NEIGHBOURHOOD_MM)]
        if len(near) < 4:
            return np.eye(3), np.ones(3)
        _, sizes, axes = np.linalg.svd(near - near.mean(axis=0), full_matrices=False)
        return axes.astype(np.float64), sizes / np.sqrt(len(near))

    def largest_share_left(self, gone: BoolArray) -> float:
        """Share of what is left that hangs together once some points (N,) are gone."""
        left = self.voxels[~gone]
        if len(left) == 0:
            return 0.0
        return self._largest(left) / self._largest(self.voxels) * len(self.voxels) / len(left)

    def _largest(self, voxels: IntArray) -> float:
        grid = np.zeros(self.voxels.max(axis=0) + 1, dtype=np.uint8)
        grid[tuple(voxels.T)] = 1
        pieces = cc3d.connected_components(grid, connectivity=6)
        return float(np.bincount(pieces.ravel())[1:].max())
