"""Surfaces with few triangles, for pictures and for the 3D view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import fast_simplification
import numpy as np

from afunet.geometry import Mesh
from afunet.reconstruction.decimation import FEWEST_TRIANGLES
from afunet.report.surfaces.coloured_mesh import ColouredMesh

PICTURE_TRIANGLES = 300_000
"""With fewer, a rough surface looks smoother in a picture than it is."""
PAGE_TRIANGLES = 60_000
# The library keeps the mesh that it works on in a global variable.
_ONE_AT_A_TIME = Lock()


def previews(meshes: Sequence[ColouredMesh], most: int) -> list[ColouredMesh]:
    """Return the surfaces with at most `most` triangles in all, however rough they are.

    Each keeps its share, but at least `FEWEST_TRIANGLES`, which very many small surfaces add to
    `most`. The method is quadric edge collapse (Garland and Heckbert 1997) without a limit of
    error: parts may touch. Surfaces within the limit stay as they are.
    """
    total = sum(len(coloured.mesh.faces) for coloured in meshes)
    if total <= most:
        return list(meshes)
    shares = [len(coloured.mesh.faces) * most // total for coloured in meshes]
    return [
        replace(coloured, mesh=_simplified(coloured.mesh, max(share, FEWEST_TRIANGLES)))
        for coloured, share in zip(meshes, shares, strict=True)
    ]


def _simplified(mesh: Mesh, most: int) -> Mesh:
    if len(mesh.faces) <= most:
        return mesh
    with _ONE_AT_A_TIME:
        vertices, faces = fast_simplification.simplify(
            mesh.vertices_mm, mesh.faces, target_count=most
        )
    if len(faces) > most:  # noise folds into triangles that cannot be joined
        a, b, c = np.moveaxis(vertices[faces], 1, 0)
        doubled_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        faces = faces[np.argsort(-doubled_area, kind="stable")[:most]]
    return Mesh(vertices, faces.astype(np.int64))
