"""Triangles for VTK: imports NumPy and VTK alone, because a child process waits for them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData


def triangles_for_vtk(vertices: NDArray[np.floating], faces: NDArray[np.int64]) -> Any:
    """Return vertices (N, 3) and faces (M, 3) as a `vtkPolyData` that owns its memory."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(vertices, deep=True))
    corners = numpy_to_vtk(faces.reshape(-1), deep=True)
    starts = numpy_to_vtk(np.arange(0, faces.size + 1, 3, dtype=np.int64), deep=True)
    polygons = vtkCellArray()
    polygons.SetData(starts, corners)
    polydata = vtkPolyData()
    polydata.SetPoints(points)
    polydata.SetPolys(polygons)
    return polydata
