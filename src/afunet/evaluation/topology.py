"""Holes of a surface, counted: handles, cavities, bodies and open edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from afunet.geometry import Mesh

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Topology:
    """What a surface encloses.

    `bodies` are closed surfaces turned outward, `cavities` closed ones turned inward: hollows
    that no way leads into. `handles` are holes that go through (a ring has one), the genus of
    all closed surfaces together. `open_edges` as in `Mesh`; surfaces with any are `open_parts`,
    in none of the other counts.
    """

    bodies: int
    cavities: int
    handles: int
    open_parts: int
    open_edges: int


def topology(mesh: Mesh) -> Topology:
    """Count by V − E + F = 2 − 2g for each connected surface (Euler and Poincaré).

    Faces must share their vertices, as those of `afunet.reconstruction.surface` do. Surfaces that
    meet in a vertex alone are one part. Of an empty mesh everything is 0.
    """
    if mesh.is_empty:
        return Topology(0, 0, 0, 0, 0)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, faces_beside = np.unique(edges, axis=0, return_counts=True)
    part_of = _parts(edges, len(mesh.vertices_mm))
    count = int(part_of.max()) + 1
    used = np.unique(mesh.faces)
    characteristic = (
        np.bincount(part_of[used], minlength=count)
        - np.bincount(part_of[edges[:, 0]], minlength=count)
        + np.bincount(part_of[mesh.faces[:, 0]], minlength=count)
    )
    has_faces = np.bincount(part_of[mesh.faces[:, 0]], minlength=count) > 0
    opened = np.zeros(count, dtype=np.bool_)
    opened[part_of[edges[faces_beside != 2, 0]]] = True
    closed = has_faces & ~opened
    inward = _signed_volumes(mesh, part_of, count) < 0
    return Topology(
        bodies=int((closed & ~inward).sum()),
        cavities=int((closed & inward).sum()),
        handles=int((2 - characteristic[closed]).sum()) // 2,
        open_parts=int(opened.sum()),
        open_edges=mesh.open_edges,
    )


def _parts(edges: IntArray, vertices: int) -> IntArray:
    """The number of the connected part that each vertex belongs to."""
    ones = np.ones(len(edges), dtype=np.bool_)
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(vertices, vertices))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _signed_volumes(mesh: Mesh, part_of: IntArray, count: int) -> NDArray[np.float64]:
    """Six times the signed volume of each part, by the divergence theorem."""
    corners = mesh.triangles_mm - mesh.vertices_mm.mean(axis=0)
    a, b, c = np.moveaxis(corners, 1, 0)
    signed = np.einsum("ij,ij->i", a, np.cross(b, c))
    volumes = np.bincount(part_of[mesh.faces[:, 0]], weights=signed, minlength=count)
    return np.asarray(volumes, dtype=np.float64)
