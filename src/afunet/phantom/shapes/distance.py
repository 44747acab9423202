"""Signed distance to a closed surface, sampled on a fine grid and interpolated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from afunet.errors import GeometryError
from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, IntArray
from afunet.phantom.shapes.lattice import inside_mesh

_BAND = 4
"""Grid steps from the surface within which distances are exact."""
_COARSE = 3
_FLATTEST = 0.2
"""The smallest slope of a function that is assumed, so that distances stay finite."""
_NOWHERE_MM = 1e3
"""The distance if a grid contains no surface."""
_MAURER_BIAS = (1.35, 0.25)
"""Corrections in steps, because Maurer's distance is to the centres of the inner border voxels.

Seen from outside, the nearest of them lie a quarter of a step below the surface; from inside 1.35
(measured on spheres).
"""
_MOST_PARTS = 64
"""The largest number of parts of a triangle's side; longer sides are sampled more coarsely."""
Implicit = Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in millimetres, from `low_mm` (3,) to `high_mm` (3,)."""

    low_mm: tuple[float, float, float]
    high_mm: tuple[float, float, float]

    @staticmethod
    def around(points_mm: NDArray[np.floating], margin_mm: float = 0.0) -> Box:
        """The bounding box of points (..., 3), widened by the margin on all sides."""
        flat = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        low, high = flat.min(axis=0) - margin_mm, flat.max(axis=0) + margin_mm
        return Box(_triple(low), _triple(high))

    def intersection(self, other: Box) -> Box | None:
        """The intersection of both boxes, or None."""
        low = np.maximum(self.low_mm, other.low_mm)
        high = np.minimum(self.high_mm, other.high_mm)
        return Box(_triple(low), _triple(high)) if (low < high).all() else None

    def corners_mm(self) -> FloatArray:
        """All corners, (8, 3)."""
        axes = np.meshgrid(*zip(self.low_mm, self.high_mm, strict=True), indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class DistanceGrid:
    """Signed distances in mm, negative inside; `values` (z, y, x) start at `origin_mm` (x, y, z).

    Distances are interpolated linearly between the grid points, so the surface is exactly where
    the interpolated value is zero. Beyond the grid, they grow with the distance to the grid.
    """

    values: Float32Array
    origin_mm: FloatArray
    spacing_mm: float

    @property
    def box(self) -> Box:
        """The box that the grid covers."""
        extent = (np.array(self.values.shape[::-1]) - 1) * self.spacing_mm
        return Box(_triple(self.origin_mm), _triple(self.origin_mm + extent))

    def distance_mm(self, points_mm: NDArray[np.floating]) -> Float32Array:
        """Signed distance (...) at points (..., 3)."""
        indices = ((points_mm - self.origin_mm) / self.spacing_mm).astype(np.float32)
        coordinates = np.moveaxis(indices, -1, 0)[::-1]
        found = ndimage.map_coordinates(self.values, coordinates, order=1, mode="nearest")
        last = np.array(self.values.shape[::-1], dtype=np.float32) - 1
        beyond = indices - np.clip(indices, 0, last)
        return np.asarray(found + np.linalg.norm(beyond, axis=-1) * self.spacing_mm, np.float32)

    def surface_points_mm(self) -> FloatArray:
        """Grid points within a grid step of the surface, (N, 3)."""
        z, y, x = np.nonzero(np.abs(self.values) < self.spacing_mm)
        return np.stack([x, y, z], axis=-1) * self.spacing_mm + self.origin_mm

    @property
    def is_empty(self) -> bool:
        """Whether no grid point is inside."""
        return not bool((self.values < 0).any())


def grid_of_mesh(mesh: Mesh, spacing_mm: float, box: Box) -> DistanceGrid:
    """Distances to a watertight mesh in a box.

    The error is a few hundredths of a step within four steps of the surface, and up to one step
    further away. Raises `GeometryError` for an open mesh.
    """
    if not mesh.is_watertight:
        raise GeometryError(
            f"a bone needs a watertight mesh, got one with {mesh.open_edges} open edges: close it",
            code="NOT_WATERTIGHT",
        )
    shape, origin = _layout(box, spacing_mm)
    inside = inside_mesh(mesh, origin, np.full(3, spacing_mm), np.array(shape[::-1]))
    far = _far_distance(inside, spacing_mm)
    z, y, x = np.nonzero(np.abs(far) < (_BAND + 1) * spacing_mm)
    points = np.stack([x, y, z], axis=-1) * spacing_mm + origin
    near = far.copy()
    near[z, y, x] = _distance_to_triangles(mesh, points, spacing_mm)
    return DistanceGrid(_blend(near, far, spacing_mm), origin, spacing_mm)


def grid_of_implicit(function: Implicit, spacing_mm: float, box: Box) -> DistanceGrid:
    """Distances to the zero surface of a smooth function, negative inside, in a box."""
    shape, origin = _layout(box, spacing_mm)
    values = _coarse_then_fine(function, shape, origin, spacing_mm)
    far = _far_distance(values < 0, spacing_mm)
    slopes = np.gradient(values, spacing_mm)
    steepness = np.sqrt(np.sum(np.square(slopes), axis=0))
    near = np.asarray(values / np.maximum(steepness, _FLATTEST), dtype=np.float32)
    return DistanceGrid(_blend(near, far, spacing_mm), origin, spacing_mm)


def _coarse_then_fine(
    function: Implicit, shape: tuple[int, int, int], origin: FloatArray, spacing_mm: float
) -> Float32Array:
    """The function on all grid points: exact near the surface, elsewhere from every third point."""
    coarse_shape = [-(-(n - 1) // _COARSE) + 1 for n in shape]
    coarse = function(
        _positions(np.indices(coarse_shape).reshape(3, -1) * _COARSE, origin, spacing_mm)
    )
    steps = np.indices(shape, dtype=np.float32) / _COARSE
    values = ndimage.map_coordinates(coarse.reshape(coarse_shape), steps, order=1)
    values = np.asarray(values, dtype=np.float32)
    slope = _steepest(coarse.reshape(coarse_shape), spacing_mm * _COARSE)
    near = np.nonzero(np.abs(values) < (_BAND + 1) * spacing_mm * max(slope, 1.0))
    values[near] = function(_positions(np.stack(near), origin, spacing_mm))
    return values


def _positions(indices: IntArray, origin: FloatArray, spacing_mm: float) -> FloatArray:
    """Positions (N, 3) of grid indices (z, y, x), (3, N)."""
    return np.asarray(indices[::-1].T * spacing_mm + origin, dtype=np.float64)


def _steepest(values: NDArray[np.floating], spacing_mm: float) -> float:
    """The largest slope of the function near its zero, relative to that of a distance."""
    squares = np.sum([slope**2 for slope in np.gradient(values, spacing_mm)], axis=0)
    near = np.abs(values) < 2 * spacing_mm * np.sqrt(squares)
    return float(np.sqrt(squares[near].max())) if near.any() else 1.0


def _layout(box: Box, spacing_mm: float) -> tuple[tuple[int, int, int], FloatArray]:
    low, high = np.array(box.low_mm), np.array(box.high_mm)
    columns, rows, slices = (np.ceil((high - low) / spacing_mm).astype(int) + 1).tolist()
    return (max(slices, 2), max(rows, 2), max(columns, 2)), low


def _far_distance(inside: BoolArray, spacing_mm: float) -> Float32Array:
    if inside.all() or not inside.any():
        return np.full(
            inside.shape, -_NOWHERE_MM if inside.all() else _NOWHERE_MM, dtype=np.float32
        )
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name

    image = sitk.GetImageFromArray(inside.astype(np.uint8))
    steps = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(image, squaredDistance=False))
    return np.asarray((steps - np.where(inside, *_MAURER_BIAS)) * spacing_mm, dtype=np.float32)


def _blend(near: Float32Array, far: Float32Array, spacing_mm: float) -> Float32Array:
    smooth = ndimage.gaussian_filter(far, 1.0)
    weight = np.clip(np.abs(far) / spacing_mm - _BAND, 0, 1)
    return np.asarray(near * (1 - weight) + smooth * weight, dtype=np.float32)


def _distance_to_triangles(mesh: Mesh, points: FloatArray, step_mm: float) -> FloatArray:
    positions, normals = _sampled_surface(mesh, step_mm)
    _, nearest = cKDTree(positions).query(points)
    away = np.einsum("ij,ij->i", points - positions[nearest], normals[nearest])
    return np.asarray(away, dtype=np.float64)


def _sampled_surface(mesh: Mesh, step_mm: float) -> tuple[FloatArray, FloatArray]:
    """Points on all triangles, at most about a step apart, with their normals."""
    triangles = mesh.triangles_mm
    a, b, c = np.moveaxis(triangles, 1, 0)
    crossed = np.cross(b - a, c - a)
    size = np.linalg.norm(crossed, axis=1)
    triangles, crossed, size = triangles[size > 1e-9], crossed[size > 1e-9], size[size > 1e-9]
    normals = crossed / size[:, None]
    sides = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    parts = np.clip(np.ceil(sides / step_mm), 1, _MOST_PARTS).astype(int)
    positions, owners = [], []
    for count in np.unique(parts):
        chosen = np.flatnonzero(parts == count)
        weights = _barycentric(int(count))
        positions.append(np.einsum("wk,tkd->twd", weights, triangles[chosen]).reshape(-1, 3))
        owners.append(np.repeat(chosen, len(weights)))
    return np.concatenate(positions), normals[np.concatenate(owners)]


def _barycentric(count: int) -> FloatArray:
    """Centres of the count² equal triangles of a triangle, (count², 3)."""
    i, j = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    upright = (i + j) < count
    turned = (i + j) < count - 1
    first = np.stack([i[upright] + 1 / 3, j[upright] + 1 / 3], axis=1)
    second = np.stack([i[turned] + 2 / 3, j[turned] + 2 / 3], axis=1)
    two = np.concatenate([first, second]) / count
    return np.column_stack([two, 1 - two.sum(axis=1)])


def _triple(values: NDArray[np.floating]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
