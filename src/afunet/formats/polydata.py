"""Convert meshes to VTK's polydata, for its filters and file formats, and back."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

from afunet.geometry import Mesh


def to_polydata(mesh: Mesh, point_type: DTypeLike = np.float64) -> Any:
    """Return the vertices and triangles as a `vtkPolyData` that owns its memory."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(mesh.vertices_mm.astype(point_type), deep=True))
    corners = numpy_to_vtk(mesh.faces.reshape(-1), deep=True)
    starts = numpy_to_vtk(np.arange(0, mesh.faces.size + 1, 3, dtype=np.int64), deep=True)
    polygons = vtkCellArray()
    polygons.SetData(starts, corners)
    polydata = vtkPolyData()
    polydata.SetPoints(points)
    polydata.SetPolys(polygons)
    return polydata


def from_polydata(polydata: Any) -> Mesh:
    """Return the mesh of a `vtkPolyData` whose polygons are all triangles."""
    if polydata.GetNumberOfPolys() == 0:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    vertices = vtk_to_numpy(polydata.GetPoints().GetData())
    faces = vtk_to_numpy(polydata.GetPolys().GetConnectivityArray())
    return Mesh(vertices.astype(np.float64), faces.astype(np.int64).reshape(-1, 3))
