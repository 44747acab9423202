"""Points of a surface with their normals, for fitting surfaces to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Mesh
from afunet.geometry.rigid import Rigid

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Points (N, 3) in LPS mm, their outward unit normals (N, 3), and the area of one in mm²."""

    points_mm: FloatArray
    normals: FloatArray
    area_mm2: float

    def __len__(self) -> int:
        return len(self.points_mm)

    def __getitem__(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> SurfacePoints:
        """Return the chosen points."""
        return SurfacePoints(self.points_mm[kept], self.normals[kept], self.area_mm2)

    def moved(self, move: Rigid) -> SurfacePoints:
        """Return the points moved with their normals."""
        return SurfacePoints(move(self.points_mm), self.normals @ move.turn.T, self.area_mm2)

    def near(self, low_mm: FloatArray, high_mm: FloatArray, reach_mm: float) -> SurfacePoints:
        """Return the points within `reach_mm` of a box."""
        outside = np.maximum(low_mm - self.points_mm, self.points_mm - high_mm)
        return self[np.asarray((outside <= reach_mm).all(axis=1))]

    def fewer(self, count: int) -> SurfacePoints:
        """Return at most about `count` of the points, each standing for more area."""
        every = max(1, len(self) // max(count, 1))
        return SurfacePoints(self.points_mm[::every], self.normals[::every], self.area_mm2 * every)

    @classmethod
    def joined(cls, parts: Sequence[SurfacePoints]) -> SurfacePoints:
        """Return the points of several surfaces, all for the same area each."""
        return cls(
            np.concatenate([part.points_mm for part in parts]),
            np.concatenate([part.normals for part in parts]),
            parts[0].area_mm2,
        )


def points_on(mesh: Mesh, count: int, seed: int = 0) -> SurfacePoints:
    """Draw `count` random points evenly over a surface that is not empty, with smooth normals.

    The same surface always gives the same points, in random order.
    """
    rng = np.random.default_rng(seed)
    area = np.linalg.norm(mesh.doubled_normals(), axis=1) / 2
    chosen = rng.choice(len(area), count, p=area / area.sum())
    first, second = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    shares = np.stack([1 - first, first * (1 - second), first * second], axis=1)
    corners = mesh.faces[chosen]
    points = (shares * mesh.vertices_mm[corners]).sum(axis=1)
    normals = (shares * mesh.vertex_normals()[corners]).sum(axis=1)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return SurfacePoints(points, normals / np.maximum(length, 1e-12), float(area.sum()) / count)
