"""Solids that find the voxels inside them: closed surfaces, whole or broken, and capsules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import BoolArray, FloatArray, IntArray, Rng
from afunet.phantom.shapes.capsules import Capsule
from afunet.phantom.shapes.lattice import Window, inside_mesh
from afunet.phantom.shapes.placing import turn_about


class Solid(Protocol):
    """A part of space, in LPS mm."""

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the bounding box."""

    def inside(self, origin_mm: FloatArray, spacing_mm: FloatArray, count: IntArray) -> BoolArray:
        """Which voxel centres (z, y, x) lie inside; the arguments are in the order x, y, z."""

    def transformed(self, matrix: FloatArray) -> Solid:
        """The solid transformed by a matrix (4, 4)."""


@dataclass(frozen=True, eq=False)
class MeshSolid:
    """The inside of a closed surface."""

    mesh: Mesh

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the bounding box."""
        low, high = self.mesh.bounds_mm()
        return np.asarray(low), np.asarray(high)

    def inside(self, origin_mm: FloatArray, spacing_mm: FloatArray, count: IntArray) -> BoolArray:
        """Which voxel centres lie inside, by a stencil of the surface."""
        return inside_mesh(self.mesh, origin_mm, spacing_mm, count)

    def transformed(self, matrix: FloatArray) -> MeshSolid:
        """The solid transformed by a matrix (4, 4)."""
        return MeshSolid(self.mesh.transformed(matrix))

    def broken(self, rng: Rng) -> BrokenSolid:
        """Break the solid along a random plane and move the far part a little."""
        points = self.mesh.vertices_mm
        at, normal = points[rng.integers(len(points))], rng.standard_normal(3)
        move = turn_about(at, Rotation.from_rotvec(np.deg2rad(rng.normal(0, 5, 3))))
        move[:3, 3] += rng.normal(0, 3, 3)
        return BrokenSolid(self, self.transformed(move), at, normal / np.linalg.norm(normal))


@dataclass(frozen=True, eq=False)
class BrokenSolid:
    """Two parts of one bone on both sides of a plane, with a gap; the far part has moved."""

    near: MeshSolid
    far: MeshSolid
    at_mm: FloatArray
    normal: FloatArray
    gap_mm: float = 1.5

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the bounding box of both parts."""
        ends = np.array([self.near.bounds_mm(), self.far.bounds_mm()])
        return ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)

    def inside(self, origin_mm: FloatArray, spacing_mm: FloatArray, count: IntArray) -> BoolArray:
        """Which voxel centres lie in a part, each on its side of the plane."""
        axes = [
            origin_mm[i] + spacing_mm[i] * np.arange(count[i]) - self.at_mm[i] for i in range(3)
        ]
        x, y, z = (axis * along for axis, along in zip(axes, self.normal, strict=True))
        beyond = z[:, None, None] + y[:, None] + x
        gap = self.gap_mm / 2
        near = self.near.inside(origin_mm, spacing_mm, count) & (beyond < -gap)
        far = self.far.inside(origin_mm, spacing_mm, count) & (beyond > gap)
        return np.asarray(near | far)

    def transformed(self, matrix: FloatArray) -> BrokenSolid:
        """The solid transformed by a `matrix` of rotation and translation only."""
        return BrokenSolid(
            self.near.transformed(matrix),
            self.far.transformed(matrix),
            matrix[:3, :3] @ self.at_mm + matrix[:3, 3],
            matrix[:3, :3] @ self.normal,
            self.gap_mm,
        )


@dataclass(frozen=True, eq=False)
class CapsuleSolid:
    """The union of capsules; with `wall_mm`, only the shell down to that depth."""

    capsules: Sequence[Capsule]
    wall_mm: float = field(default=np.inf)

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of the bounding box of all capsules."""
        boxes = np.array([one.bounds_mm() for one in self.capsules])
        return boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)

    def inside(self, origin_mm: FloatArray, spacing_mm: FloatArray, count: IntArray) -> BoolArray:
        """Which voxel centres lie inside, by the largest depth in a capsule."""
        deepest = np.full(count[::-1], -1.0)
        for one in self.capsules:
            window = Window.over((np.array(one.bounds_mm()) - origin_mm) / spacing_mm, count)
            if window is not None:
                part = deepest[window.slices]
                depth = one.depth_mm((window.places() * spacing_mm + origin_mm).reshape(-1, 3))
                np.maximum(part, depth.reshape(part.shape), out=part)
        return (deepest > 0) & (deepest < self.wall_mm)

    def transformed(self, matrix: FloatArray) -> CapsuleSolid:
        """The solid transformed by a matrix (4, 4); radii and walls scale by the mean factor."""
        scale = float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))
        moved = []
        for one in self.capsules:
            ends = np.array([one.start_mm, one.end_mm]) @ matrix[:3, :3].T + matrix[:3, 3]
            moved.append(Capsule(ends[0], ends[1], one.radius_mm * scale))
        return replace(self, capsules=moved)
