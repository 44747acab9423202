"""Convert meshes to VTK's polydata, for its filters and file formats, and back."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from vtkmodules.util.numpy_support import vtk_to_numpy

from afunet.formats.vtk_triangles import triangles_for_vtk
from afunet.geometry import Mesh


def to_polydata(mesh: Mesh, point_type: DTypeLike = np.float64) -> Any:
    """Return the vertices and triangles as a `vtkPolyData` that owns its memory."""
    return triangles_for_vtk(mesh.vertices_mm.astype(point_type), mesh.faces)


def from_polydata(polydata: Any) -> Mesh:
    """Return the mesh of a `vtkPolyData` whose polygons are all triangles."""
    if polydata.GetNumberOfPolys() == 0:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    vertices = vtk_to_numpy(polydata.GetPoints().GetData())
    faces = vtk_to_numpy(polydata.GetPolys().GetConnectivityArray())
    return Mesh(vertices.astype(np.float64), faces.astype(np.int64).reshape(-1, 3))
