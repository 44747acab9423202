"""Solids that tell which voxels lie in them: closed surfaces, whole or broken, and capsules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

from afunet.formats.polydata import to_polydata
from afunet.geometry import Mesh
from afunet.phantom.shapes.capsules import Capsule

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Rng = np.random.Generator


class Solid(Protocol):
    """A part of space, in LPS mm."""

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of a box round it."""

    def inside(
        self, origin_mm: FloatArray, spacing_mm: FloatArray, count: NDArray[np.integer]
    ) -> BoolArray:
        """Which centres of voxels (z, y, x) lie in it; the arguments are in the order x, y, z."""

    def transformed(self, matrix: FloatArray) -> Solid:
        """The same elsewhere."""


@dataclass(frozen=True, eq=False)
class MeshSolid:
    """What a closed surface encloses."""

    mesh: Mesh

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of a box round it."""
        low, high = self.mesh.bounds_mm()
        return np.asarray(low), np.asarray(high)

    def inside(
        self, origin_mm: FloatArray, spacing_mm: FloatArray, count: NDArray[np.integer]
    ) -> BoolArray:
        """By a stencil of the surface."""
        cut = vtkPolyDataToImageStencil()
        cut.SetInputData(to_polydata(self.mesh))
        cut.SetTolerance(0)
        cut.SetOutputOrigin(*origin_mm)
        cut.SetOutputSpacing(*spacing_mm)
        columns, rows, slices = (int(number) - 1 for number in count)
        cut.SetOutputWholeExtent(0, columns, 0, rows, 0, slices)
        paint = vtkImageStencilToImage()
        paint.SetInputConnection(cut.GetOutputPort())
        paint.SetOutputScalarTypeToUnsignedChar()
        paint.SetInsideValue(1)
        paint.SetOutsideValue(0)
        paint.Update()
        scalars = paint.GetOutput().GetPointData().GetScalars()
        return np.asarray(vtk_to_numpy(scalars).reshape(count[::-1]) > 0)

    def transformed(self, matrix: FloatArray) -> MeshSolid:
        """The same elsewhere."""
        return MeshSolid(self.mesh.transformed(matrix))

    def broken(self, rng: Rng) -> BrokenSolid:
        """In two along a plane somewhere, what lies beyond moved a little."""
        points = self.mesh.vertices_mm
        at, normal = points[rng.integers(len(points))], rng.standard_normal(3)
        move = np.eye(4)
        move[:3, :3] = Rotation.from_rotvec(np.deg2rad(rng.normal(0, 5, 3))).as_matrix()
        move[:3, 3] = at - move[:3, :3] @ at + rng.normal(0, 3, 3)
        return BrokenSolid(self, self.transformed(move), at, normal / np.linalg.norm(normal))


@dataclass(frozen=True, eq=False)
class BrokenSolid:
    """Two parts of one bone: before a plane as it is, beyond it moved, a gap between them."""

    near: MeshSolid
    far: MeshSolid
    at_mm: FloatArray
    normal: FloatArray
    gap_mm: float = 1.5

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of a box round both."""
        ends = np.array([self.near.bounds_mm(), self.far.bounds_mm()])
        return ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)

    def inside(
        self, origin_mm: FloatArray, spacing_mm: FloatArray, count: NDArray[np.integer]
    ) -> BoolArray:
        """Each part on its side of the plane."""
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
        """The same elsewhere; `matrix` turns and shifts only."""
        return BrokenSolid(
            self.near.transformed(matrix),
            self.far.transformed(matrix),
            matrix[:3, :3] @ self.at_mm + matrix[:3, 3],
            matrix[:3, :3] @ self.normal,
            self.gap_mm,
        )


@dataclass(frozen=True, eq=False)
class CapsuleSolid:
    """All that lies in one of some capsules, and not deeper than `wall_mm`: a shell where given."""

    capsules: Sequence[Capsule]
    wall_mm: float = field(default=np.inf)

    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """The corners of a box round them."""
        ends = [np.array([one.start_mm, one.end_mm]) for one in self.capsules]
        low = [
            pair.min(axis=0) - one.radius_mm for pair, one in zip(ends, self.capsules, strict=True)
        ]
        high = [
            pair.max(axis=0) + one.radius_mm for pair, one in zip(ends, self.capsules, strict=True)
        ]
        return np.min(low, axis=0), np.max(high, axis=0)

    def inside(
        self, origin_mm: FloatArray, spacing_mm: FloatArray, count: NDArray[np.integer]
    ) -> BoolArray:
        """By the depth in the deepest."""
        deepest = np.full(count[::-1], -1.0)
        for one in self.capsules:
            low, high = CapsuleSolid([one]).bounds_mm()
            first = np.clip(np.floor((low - origin_mm) / spacing_mm), 0, count).astype(int)
            last = np.clip(np.ceil((high - origin_mm) / spacing_mm) + 1, 0, count).astype(int)
            if (first >= last).any():
                continue
            window = tuple(slice(a, b) for a, b in zip(first[::-1], last[::-1], strict=True))
            places = np.moveaxis(np.indices(deepest[window].shape)[::-1], 0, -1) + first
            depth = one.depth_mm((places * spacing_mm + origin_mm).reshape(-1, 3))
            deepest[window] = np.maximum(deepest[window], depth.reshape(deepest[window].shape))
        return (deepest > 0) & (deepest < self.wall_mm)

    def transformed(self, matrix: FloatArray) -> CapsuleSolid:
        """The same elsewhere, thickness by the mean scale."""
        scale = float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))
        ends = [
            np.array([one.start_mm, one.end_mm]) @ matrix[:3, :3].T + matrix[:3, 3]
            for one in self.capsules
        ]
        return replace(
            self,
            capsules=[
                Capsule(start, end, one.radius_mm * scale)
                for (start, end), one in zip(ends, self.capsules, strict=True)
            ],
        )
