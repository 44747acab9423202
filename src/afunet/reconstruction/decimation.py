"""Simplify a surface to a number of triangles or within a limit of error."""

from numbers import Real

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

from afunet.errors import ConfigError
from afunet.formats.polydata import from_polydata, to_polydata
from afunet.geometry import Mesh
from afunet.reconstruction.deviation import deviation, distances_mm

FEWEST_TRIANGLES = 4
FEWEST_LEFT_ALONE = 500  # with fewer triangles, simplifying to a limit of error saves nothing
MOST_TRIES = 6


def decimated(
    mesh: Mesh, max_triangles: int | None = None, max_error_mm: float | None = None
) -> Mesh:
    """Return `mesh` with as few triangles as `max_error_mm` allows, or at most `max_triangles`.

    The method is quadric edge collapse with volume preservation (Garland and Heckbert 1997). The
    error is the largest distance between the two surfaces, measured at all their vertices and at
    10,000 random points of each, for every connected component. The limit of triangles takes
    precedence over the error. A result that tears, pinches, fills a hole or loses a fragment is
    discarded and tried again with more triangles, so a very ragged surface may keep more than the
    limit, in the worst case all. Raises `ConfigError` as `require_limits` does.
    """
    require_limits(max_triangles, max_error_mm)
    if max_error_mm is not None:
        mesh = _together([_within_error(part, max_error_mm) for part in _parts(mesh)], mesh)
    return mesh if max_triangles is None else _of_triangles(mesh, max_triangles)


def require_limits(max_triangles: int | None, max_error_mm: float | None) -> None:
    """Raise `ConfigError` for fewer triangles than a tetrahedron has or an error of 0 or less."""
    for limit in (max_triangles, max_error_mm):
        if limit is not None and not isinstance(limit, Real):
            raise ConfigError(f"a limit for surfaces must be a number, got {limit!r}")
    if max_triangles is not None and max_triangles < FEWEST_TRIANGLES:
        raise ConfigError(
            f"the limit of triangles must be {FEWEST_TRIANGLES} or more, got {max_triangles}"
        )
    if max_error_mm is not None and not max_error_mm > 0:
        raise ConfigError(f"the limit of error must be above 0 mm, got {max_error_mm}")


def _of_triangles(mesh: Mesh, most: int) -> Mesh:
    """Simplify to `most` triangles; double the number until the topology is kept."""
    wanted, topology = most, None
    while wanted < len(mesh.faces):
        fewer = _collapsed(mesh, wanted / len(mesh.faces))
        topology = topology or _topology(mesh)
        if _topology(fewer) == topology:
            return fewer
        wanted *= 2
    return mesh


def _within_error(part: Mesh, max_error_mm: float) -> Mesh:
    """Return a connected surface with the fewest triangles found within the error."""
    if len(part.faces) < FEWEST_LEFT_ALONE:
        return part
    # A quadric's error is a squared distance times an area; this start worked well on bones.
    quadric_error, topology = 8 * max_error_mm**3, _topology(part)
    for _ in range(MOST_TRIES):
        fewer = _collapsed(part, FEWEST_TRIANGLES / len(part.faces), quadric_error)
        is_sound = _topology(fewer) == topology
        if is_sound and _farthest_mm(fewer, part) <= max_error_mm:
            return fewer
        quadric_error /= 2
    return part


def _farthest_mm(one: Mesh, other: Mesh) -> float:
    """The largest distance between two surfaces, at vertices and random points of both."""
    at_vertices = (distances_mm(one.vertices_mm, other), distances_mm(other.vertices_mm, one))
    return max(deviation(one, other).largest_mm, *(float(apart.max()) for apart in at_vertices))


def _collapsed(mesh: Mesh, share: float, quadric_error: float | None = None) -> Mesh:
    """Simplify to a share of the triangles, or until the next collapse exceeds the error."""
    quadric = vtkQuadricDecimation()
    quadric.SetInputData(to_polydata(mesh))
    quadric.SetTargetReduction(1 - share)
    if quadric_error is not None:
        quadric.SetMaximumError(quadric_error)
    quadric.VolumePreservationOn()
    quadric.Update()
    return from_polydata(quadric.GetOutput())


def _parts(mesh: Mesh) -> list[Mesh]:
    """Split a mesh into its connected components, each with its own vertices."""
    if mesh.is_empty:
        return []
    count, part_of = _components(mesh.faces, len(mesh.vertices_mm))
    of_face = part_of[mesh.faces[:, 0]]
    order = np.argsort(of_face, kind="stable")
    ends = np.cumsum(np.bincount(of_face, minlength=count))
    groups = (group for group in np.split(mesh.faces[order], ends[:-1]) if len(group))
    return [_alone(mesh.vertices_mm, faces) for faces in groups]


def _alone(vertices_mm: NDArray[np.float64], faces: NDArray[np.int64]) -> Mesh:
    used, renamed = np.unique(faces, return_inverse=True)
    return Mesh(vertices_mm[used], renamed.reshape(-1, 3))


def _together(parts: list[Mesh], whole: Mesh) -> Mesh:
    """Join the parts into one mesh; return `whole`, their origin, if none has changed."""
    if sum(len(part.faces) for part in parts) == len(whole.faces):
        return whole
    first = np.cumsum([0, *(len(part.vertices_mm) for part in parts[:-1])])
    return Mesh(
        np.concatenate([part.vertices_mm for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, first, strict=True)]),
    )


def _topology(mesh: Mesh) -> tuple[int, int, int, int]:
    """Open edges, non-manifold edges, components, and vertices - edges + faces (Euler)."""
    vertices, corners = np.unique(mesh.faces, return_inverse=True)
    faces = corners.reshape(-1, 3)
    ends = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)]).reshape(2, -1), axis=0)
    edges = np.unique(ends[0] * len(vertices) + ends[1])
    parts, _ = _components(faces, len(vertices))
    euler = len(vertices) - len(edges) + len(faces)
    return mesh.open_edges, mesh.nonmanifold_edges, parts, euler


def _components(faces: NDArray[np.int64], vertices: int) -> tuple[int, NDArray[np.int32]]:
    """The number of connected components, and that of each vertex; a lone vertex is one too."""
    start, end = faces[:, [0, 1]].reshape(-1), faces[:, [1, 2]].reshape(-1)
    links = coo_array((np.ones(len(start)), (start, end)), shape=(vertices,) * 2)
    return connected_components(links, directed=False)  # type: ignore[no-any-return]
