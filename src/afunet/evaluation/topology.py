"""Counting the bodies, cavities, handles and open edges of a surface."""

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
    """The topology of a surface.

    `bodies` are closed surfaces that face outward. `cavities` are closed surfaces that face
    inward, around closed hollows. `handles` are holes through a surface (a ring has one): the
    total genus of all closed surfaces. `open_edges` are as in `Mesh`; surfaces with open edges are
    counted only as `open_parts`.
    """

    bodies: int
    cavities: int
    handles: int
    open_parts: int
    open_edges: int


def topology(mesh: Mesh) -> Topology:
    """Count by V − E + F = 2 − 2g for each connected surface (Euler and Poincaré).

    Faces must share their vertices, as in meshes from `afunet.reconstruction.surface`. Surfaces
    that meet only in a vertex are one part. All counts of an empty mesh are 0.
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
