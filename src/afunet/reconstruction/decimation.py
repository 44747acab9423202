"""Fewer triangles for the same shape."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

from afunet.errors import ConfigError
from afunet.formats.polydata import from_polydata, to_polydata
from afunet.geometry import Mesh

FEWEST_TRIANGLES = 4


def decimated(mesh: Mesh, max_triangles: int) -> Mesh:
    """`mesh` with at most `max_triangles` as far as its topology lets go of them.

    Quadric edge collapse with volume preservation (Garland and Heckbert 1997). A result that
    tears, pinches, fills a hole or loses a fragment is thrown away and tried again with twice as
    many triangles, so a very ragged surface may keep more than asked for, at worst all.
    Raises `ConfigError` for a limit below a tetrahedron's four.
    """
    if max_triangles < FEWEST_TRIANGLES:
        raise ConfigError(
            f"a surface needs {FEWEST_TRIANGLES} or more triangles, got a limit of {max_triangles}"
        )
    wanted = max_triangles
    while wanted < len(mesh.faces):
        fewer = _collapsed(mesh, wanted)
        if _topology(fewer) == _topology(mesh):
            return fewer
        wanted *= 2
    return mesh


def _collapsed(mesh: Mesh, triangles: int) -> Mesh:
    quadric = vtkQuadricDecimation()
    quadric.SetInputData(to_polydata(mesh))
    quadric.SetTargetReduction(1 - triangles / len(mesh.faces))
    quadric.VolumePreservationOn()
    quadric.Update()
    return from_polydata(quadric.GetOutput())


def _topology(mesh: Mesh) -> tuple[int, int, int]:
    """Open edges, connected parts and Euler characteristic (vertices - edges + faces)."""
    vertices, corners = np.unique(mesh.faces, return_inverse=True)
    start = corners.reshape(-1)
    end = np.roll(corners.reshape(-1, 3), -1, axis=1).reshape(-1)
    ends = np.stack([np.minimum(start, end), np.maximum(start, end)])
    edges = np.unique(ends[0] * len(vertices) + ends[1])
    links = coo_array((np.ones(len(start)), (start, end)), shape=(len(vertices),) * 2)
    parts = connected_components(links, directed=False, return_labels=False)
    return mesh.open_edges, int(parts), len(vertices) - len(edges) + len(mesh.faces)
