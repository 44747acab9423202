"""A triangle surface in patient millimetres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from afunet.errors import GeometryError
from afunet.geometry.points import bounds_of

AT_ONCE = 1 << 17  # triangles


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in LPS millimetres: `vertices_mm` (N, 3) and `faces` (M, 3) into them.

    Faces are counter-clockwise seen from outside. An empty mesh (no faces) is the surface of an
    empty mask. Raises `GeometryError` for other shapes, for positions that are not finite and for
    faces with a vertex number that does not exist.
    """

    vertices_mm: NDArray[np.float64]
    faces: NDArray[np.int64]

    def __post_init__(self) -> None:
        vertices = _triples(np.asarray(self.vertices_mm, dtype=np.float64), "vertices")
        faces = _triples(np.asarray(self.faces, dtype=np.int64), "faces")
        if not np.isfinite(vertices).all():
            raise GeometryError("the mesh has vertices that are not finite", code="NOT_FINITE")
        if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise GeometryError(
                f"a face uses vertex {faces.max()}, but the mesh has {len(vertices)} vertices, "
                "numbered from 0",
                code="MESH_BROKEN",
            )
        object.__setattr__(self, "vertices_mm", vertices)
        object.__setattr__(self, "faces", faces)

    @property
    def is_empty(self) -> bool:
        """Whether there is no triangle."""
        return len(self.faces) == 0

    @property
    def triangles_mm(self) -> NDArray[np.float64]:
        """Corner positions, (M, 3 corners, 3)."""
        return self.vertices_mm[self.faces]

    @property
    def area_mm2(self) -> float:
        """Area of all triangles."""
        return float(np.linalg.norm(self.doubled_normals(), axis=1).sum() / 2)

    def vertex_normals(self) -> NDArray[np.float64]:
        """Outward unit normal (N, 3) at each vertex, its triangles weighted by area."""
        across = self.doubled_normals().T
        corner, vertices = self.faces.reshape(-1), len(self.vertices_mm)
        summed = np.stack(
            [np.bincount(corner, np.repeat(along, 3), minlength=vertices) for along in across],
            axis=1,
        )
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        return np.asarray(summed / np.maximum(length, 1e-12), dtype=np.float64)

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume by the divergence theorem; meaningful for watertight meshes only."""
        if self.is_empty:
            return 0.0
        middle = self.vertices_mm.mean(axis=0)
        volumes = np.empty(len(self.faces))
        for part in self._parts():
            a, b, c = np.moveaxis(self.vertices_mm[self.faces[part]] - middle, 1, 0)
            volumes[part] = np.einsum("ij,ij->i", a, np.cross(b, c))
        return float(volumes.sum() / 6)

    def doubled_normals(self) -> NDArray[np.float64]:
        """Outward normal (M, 3) of each triangle, as long as twice its area."""
        doubled = np.empty((len(self.faces), 3))
        for part in self._parts():
            a, b, c = np.moveaxis(self.vertices_mm[self.faces[part]], 1, 0)
            doubled[part] = np.cross(b - a, c - a)
        return doubled

    def _parts(self) -> Iterator[slice]:
        """All triangles, a few at a time: their corners need much memory."""
        for start in range(0, len(self.faces), AT_ONCE):
            yield slice(start, start + AT_ONCE)

    @property
    def open_edges(self) -> int:
        """Directed edges without the opposite edge in a neighbour; 0 if the surface is closed."""
        return self._edge_faults[0]

    @property
    def nonmanifold_edges(self) -> int:
        """Edges that more than two triangles share."""
        return self._edge_faults[1]

    @property
    def is_watertight(self) -> bool:
        """Whether there are triangles and each edge joins two triangles of equal orientation."""
        return not self.is_empty and self._edge_faults == (0, 0)

    @cached_property
    def _edge_faults(self) -> tuple[int, int]:
        """Open and non-manifold edges, from one sort of all sides of all triangles."""
        if self.is_empty:
            return 0, 0
        sides = np.empty_like(self.faces)
        for part in self._parts():
            start, end = self.faces[part], np.roll(self.faces[part], -1, axis=1)
            edges = np.minimum(start, end) * len(self.vertices_mm) + np.maximum(start, end)
            sides[part] = 2 * edges + (start < end)
        sides = sides.reshape(-1)
        sides.sort()
        is_first = np.ones(len(sides), dtype=np.bool_)
        for at in range(1, len(sides), AT_ONCE):
            one, before = sides[at : at + AT_ONCE], sides[at - 1 : at + AT_ONCE - 1]
            is_first[at : at + AT_ONCE] = one ^ before[: len(one)] > 1
        first = np.flatnonzero(is_first)
        uses = np.diff(first, append=len(sides))
        sides &= 1
        rising = np.add.reduceat(sides, first)
        return int(np.abs(2 * rising - uses).sum()), int(np.count_nonzero(uses > 2))

    def bounds_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest corner, each (3,); `GeometryError` for an empty mesh."""
        if self.is_empty:
            raise GeometryError("an empty mesh has no bounds", code="MESH_EMPTY")
        used = np.zeros(len(self.vertices_mm), dtype=np.bool_)
        used[self.faces] = True
        return bounds_of(self.vertices_mm[used])

    def transformed(self, matrix: ArrayLike) -> Mesh:
        """Transform by a 4×4 matrix; a reflection also reverses the faces, so they face outward."""
        matrix = np.asarray(matrix, dtype=np.float64)
        vertices = self.vertices_mm @ matrix[:3, :3].T + matrix[:3, 3]
        mirrored = np.linalg.det(matrix[:3, :3]) < 0
        return Mesh(vertices, self.faces[:, ::-1] if mirrored else self.faces)


def _triples(values: NDArray[Any], what: str) -> NDArray[Any]:
    if values.size == 0:
        return values.reshape(0, 3)
    if values.ndim != 2 or values.shape[1] != 3:
        raise GeometryError(
            f"a mesh needs {what} of shape (N, 3), got {values.shape}", code="BAD_SHAPE"
        )
    return values
