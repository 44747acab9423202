"""Measure the size, shape, density and position of every piece of a label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from afunet.geometry import Box, Mesh, Volume
from afunet.geometry.points import bounds_of

FloatArray = NDArray[np.float64]
FIRST_LOOK = 2_000


Three = tuple[float, float, float]


@dataclass(frozen=True)
class Measures:
    """The measures of one piece: lengths in mm, or in voxels without a spacing; positions in LPS.

    `axes` are unit vectors, the longest first. Along them `extent_mm` is the distance between the
    outermost voxel centres plus one voxel; the first is the length. HU are the mean and the 10th
    and 90th percentiles, None without a scan.
    """

    label: int
    volume_mm3: float
    length_mm: float
    extent_mm: Three
    axes: tuple[Three, Three, Three]
    centre_mm: Three
    lowest_mm: Three
    highest_mm: Three
    mean_hu: float | None = None
    low_hu: float | None = None
    high_hu: float | None = None


@dataclass(frozen=True)
class Gap:
    """The nearest other piece and the distance to its surface; None and infinite without one."""

    label: int | None
    mm: float


def measure(
    labels: Volume,
    scan: Volume | None = None,
    most: int | None = None,
    boxes: Sequence[Box | None] | None = None,
) -> tuple[Measures, ...]:
    """Measure every label except 0, or the first `most`, in the order of the labels.

    `scan` is in HU on the same grid; `boxes` are those of the labels, if they are known.
    """
    if scan is not None:
        labels.require_same_grid(scan, "the scan")
    boxes = ndimage.find_objects(labels.voxels) if boxes is None else boxes
    return tuple(
        _measures(label, labels, box, scan)
        for label, box in enumerate(boxes[:most], start=1)
        if box is not None
    )


def nearest_gaps(surfaces: Sequence[tuple[int, Mesh]], within_mm: float = 30.0) -> dict[int, Gap]:
    """Find the nearest other surface for every labelled surface, by their vertices.

    The distance is exact to half the length of a triangle's edge. Pieces further apart than
    `within_mm` are not neighbours.
    """
    known = {label: _Surface.of(mesh) for label, mesh in surfaces if not mesh.is_empty}
    nearest = {label: Gap(None, float("inf")) for label, _ in surfaces}
    for one, other in combinations(known, 2):
        reach_mm = min(within_mm, max(nearest[one].mm, nearest[other].mm))
        mm = known[one].distance_mm(known[other], reach_mm)
        for label, neighbour in ((one, other), (other, one)):
            if mm < nearest[label].mm:
                nearest[label] = Gap(neighbour, mm)
    return nearest


def surface_gap_mm(one: Mesh, other: Mesh, within_mm: float) -> float:
    """Distance between two surfaces' vertices; infinite beyond `within_mm` or if one is empty."""
    if one.is_empty or other.is_empty:
        return float("inf")
    return _Surface.of(one).distance_mm(_Surface.of(other), within_mm)


@dataclass(frozen=True, eq=False)
class _Surface:
    """The vertices (N, 3) of a surface, their bounding box, and a search tree over them."""

    points_mm: FloatArray
    low_mm: FloatArray
    high_mm: FloatArray

    @classmethod
    def of(cls, mesh: Mesh) -> _Surface:
        return cls(mesh.vertices_mm, *mesh.bounds_mm())

    @cached_property
    def tree(self) -> cKDTree:
        """Made when it is first needed: most surfaces are far apart."""
        return cKDTree(self.points_mm, balanced_tree=False, compact_nodes=False)

    def distance_mm(self, other: _Surface, reach_mm: float) -> float:
        """The least distance between vertices; infinite if it is not below `reach_mm`."""
        apart_mm = np.maximum(other.low_mm - self.high_mm, self.low_mm - other.high_mm)
        if (apart_mm >= reach_mm).any():
            return float("inf")
        every = max(len(self.points_mm) // FIRST_LOOK, 1)
        # A few vertices limit the distance first, so that only those near the other surface count.
        for points_mm in (self.points_mm[::every], self.points_mm):
            below = np.maximum(other.low_mm - points_mm, points_mm - other.high_mm)
            near = below < reach_mm
            close = points_mm[near[:, 0] & near[:, 1] & near[:, 2]]
            if len(close):
                apart_mm, _ = other.tree.query(close, distance_upper_bound=reach_mm)
                reach_mm = min(reach_mm, np.nextafter(apart_mm.min(), np.inf))
                found = float(apart_mm.min())
            else:
                found = float("inf")
        return found


def _measures(label: int, labels: Volume, box: Box, scan: Volume | None) -> Measures:
    inside = labels.voxels[box] == label
    first = np.array([box[axis].start for axis in (2, 1, 0)])
    count, centroid, scatter = _moments(inside)
    centre_mm = labels.to_mm(centroid + first)
    axes = _principal_axes(labels.affine[:3, :3] @ scatter @ labels.affine[:3, :3].T)
    points_mm = labels.to_mm(_line_ends(inside) + first)
    along = (points_mm - centre_mm) @ axes.T
    voxel_mm = np.abs(axes @ labels.affine[:3, :3]).sum(axis=1)
    first_mm, last_mm = bounds_of(along)
    lowest_mm, highest_mm = bounds_of(points_mm)
    extent_mm = _three(last_mm - first_mm + voxel_mm)
    hu = () if scan is None else _density(scan.voxels[box][inside])
    return Measures(
        label,
        count * labels.voxel_volume_mm3,
        extent_mm[0],
        extent_mm,
        (_three(axes[0]), _three(axes[1]), _three(axes[2])),
        _three(centre_mm),
        _three(lowest_mm),
        _three(highest_mm),
        *hu,
    )


def _three(values: FloatArray) -> Three:
    first, second, third = (float(value) for value in values)
    return first, second, third


def _moments(inside: NDArray[np.bool_]) -> tuple[int, FloatArray, FloatArray]:
    """Count of the filled voxels, mean (3,) and scatter (3, 3) of their (column, row, slice).

    They are computed from projections along every axis, without a list of all voxels.
    """
    count = int(np.count_nonzero(inside))
    flat = [np.count_nonzero(inside, axis=axis) for axis in range(3)]  # along slice, row, column
    alone = [flat[0].sum(axis=0), flat[0].sum(axis=1), flat[1].sum(axis=1)]
    places = [np.arange(len(filled)) for filled in alone]
    mean = np.array([filled @ place for filled, place in zip(alone, places, strict=True)]) / count
    column, row, level = (place - middle for place, middle in zip(places, mean, strict=True))
    scatter = np.diag([alone[0] @ column**2, alone[1] @ row**2, alone[2] @ level**2])
    scatter[0, 1] = scatter[1, 0] = row @ flat[0] @ column
    scatter[0, 2] = scatter[2, 0] = level @ flat[1] @ column
    scatter[1, 2] = scatter[2, 1] = level @ flat[2] @ row
    return count, mean, scatter


def _line_ends(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first and last filled voxel of every row, (N, 3) as (column, row, slice).

    The outermost filled voxel in any direction is one of them.
    """
    level, row = np.nonzero(inside.any(axis=2))
    lines = inside[level, row]
    ends = lines.argmax(axis=1), lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([column, row, level], axis=1) for column in ends])


def _principal_axes(scatter_mm2: FloatArray) -> FloatArray:
    """Unit vectors as rows, the longest axis first, each pointing to the head, left or back."""
    _, vectors = np.linalg.eigh(scatter_mm2)
    axes = vectors.T[::-1]
    leading = axes[np.arange(3), np.abs(axes).argmax(axis=1)]
    return np.asarray(axes * np.sign(leading)[:, None])


def _density(hu: NDArray[np.number]) -> Three:
    low, high = np.percentile(hu, (10, 90))
    return float(hu.mean()), float(low), float(high)
