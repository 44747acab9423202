"""Find where the surface of a fragment meets the surface that it broke from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NORMALS_MM = 4.0
"""A normal turned by 60° counts like this distance when the nearest point is searched."""
OPPOSED, ALIKE = -0.5, 0.85
"""Cosines between normals: at most that of faces that meet, at least that of one outer surface."""
ACROSS_MM, ASIDE_MM = 5.0, 2.5
"""The outer surface goes on across this distance; faces lie on each other within this one."""
INSIDE_MM, DEEPEST_MM = 0.3, 6.0
"""A fragment's point is inside the bone between these depths."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """Pairs of points of a fragment and of a bed, (N, 3) in mm each, with normals that agree.

    On faces the bed's normal is turned round. `area_mm2` (N,) is the fragment's area of each pair.
    """

    fragment_mm: FloatArray
    bed_mm: FloatArray
    fragment_normals: FloatArray
    bed_normals: FloatArray
    area_mm2: FloatArray

    @property
    def normals(self) -> FloatArray:
        """The unit normals (N, 3) halfway between the two."""
        summed = self.fragment_normals + self.bed_normals
        return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1)[:, None], 1e-9))

    @property
    def apart_mm(self) -> FloatArray:
        """The signed distances (N,) along the normals, the symmetric error of Rusinkiewicz 2019.

        It is zero for two points of one circle, so that a curved surface goes on without error.
        """
        return np.asarray(((self.fragment_mm - self.bed_mm) * self.normals).sum(axis=1))

    @property
    def distance_mm(self) -> FloatArray:
        """The distances (N,) of the points."""
        return np.asarray(np.linalg.norm(self.fragment_mm - self.bed_mm, axis=1))

    @property
    def aside_mm(self) -> FloatArray:
        """The distances (N,) across the normals."""
        return np.sqrt(np.maximum(self.distance_mm**2 - self.apart_mm**2, 0))

    def __len__(self) -> int:
        return len(self.area_mm2)

    def __getitem__(self, kept: BoolArray) -> Meeting:
        """Return the chosen pairs."""
        return Meeting(
            self.fragment_mm[kept],
            self.bed_mm[kept],
            self.fragment_normals[kept],
            self.bed_normals[kept],
            self.area_mm2[kept],
        )

    @classmethod
    def joined(cls, parts: Sequence[Meeting]) -> Meeting:
        """Return all pairs together."""
        return cls(
            np.concatenate([part.fragment_mm for part in parts]),
            np.concatenate([part.bed_mm for part in parts]),
            np.concatenate([part.fragment_normals for part in parts]),
            np.concatenate([part.bed_normals for part in parts]),
            np.concatenate([part.area_mm2 for part in parts]),
        )


class Bed:
    """The surface to which a fragment is fitted, searchable by position and normal."""

    def __init__(self, points: SurfacePoints) -> None:
        self.points = points
        self._by_normal = cKDTree(np.hstack([points.points_mm, NORMALS_MM * points.normals]))
        self._by_place = cKDTree(points.points_mm)

    def faces(self, fragment: SurfacePoints, reach_mm: float) -> Meeting:
        """Return the points with opposed normals: faces of a fracture that meet."""
        found = self._nearest(fragment, -1.0, reach_mm)
        return found[(found.fragment_normals * found.bed_normals).sum(axis=1) > -OPPOSED]

    def outer(self, fragment: SurfacePoints, reach_mm: float) -> Meeting:
        """Return the points with equal normals: one outer surface on both sides of a line."""
        found = self._nearest(fragment, 1.0, reach_mm)
        return found[(found.fragment_normals * found.bed_normals).sum(axis=1) > ALIKE]

    def inside(self, fragment: SurfacePoints) -> Meeting:
        """Return points of the fragment inside the bed, and the bed's nearest, other than faces."""
        reach_mm, near = self._by_place.query(fragment.points_mm, distance_upper_bound=DEEPEST_MM)
        known = np.isfinite(reach_mm)
        part, bed = fragment[known], self.points[near[known]]
        depth_mm = ((part.points_mm - bed.points_mm) * bed.normals).sum(axis=1)
        agree = (part.normals * bed.normals).sum(axis=1)
        found = Meeting(part.points_mm, bed.points_mm, bed.normals, bed.normals, _areas(part))
        return found[(depth_mm < -INSIDE_MM) & (agree > OPPOSED)]

    def above_mm(self, points: SurfacePoints) -> FloatArray:
        """Return the heights (N,) of points over the bed, negative inside it."""
        _, near = self._by_place.query(points.points_mm)
        bed = self.points[near]
        return np.asarray(((points.points_mm - bed.points_mm) * bed.normals).sum(axis=1))

    def _nearest(self, fragment: SurfacePoints, sign: float, reach_mm: float) -> Meeting:
        places = np.hstack([fragment.points_mm, sign * NORMALS_MM * fragment.normals])
        apart_mm, near = self._by_normal.query(
            places, distance_upper_bound=float(np.hypot(reach_mm, NORMALS_MM))
        )
        known = np.isfinite(apart_mm)
        part, bed = fragment[known], self.points[near[known]]
        found = Meeting(
            part.points_mm, bed.points_mm, part.normals, sign * bed.normals, _areas(part)
        )
        return found[found.distance_mm <= reach_mm]


def _areas(points: SurfacePoints) -> FloatArray:
    return np.full(len(points), points.area_mm2)
