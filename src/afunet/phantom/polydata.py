"""Meshes to and from VTK, and the few VTK filters that the phantom's bones need."""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersModeling import vtkLoopSubdivisionFilter

from afunet.geometry import Mesh


def to_polydata(mesh: Mesh) -> Any:
    """A vtkPolyData with the mesh's points and triangles."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.vertices_mm), deep=True))
    cells = vtkCellArray()
    rows = np.column_stack([np.full(len(mesh.faces), 3), mesh.faces]).astype(np.int64)
    cells.ImportLegacyFormat(numpy_to_vtkIdTypeArray(rows.ravel(), deep=True))
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def from_polydata(data: Any) -> Mesh:
    """The mesh of a vtkPolyData that has triangles only."""
    if data.GetNumberOfPolys() == 0:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    faces = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    return Mesh(vtk_to_numpy(data.GetPoints().GetData()), faces)


def subdivided(mesh: Mesh, times: int = 1) -> Mesh:
    """A rounder mesh: each triangle in four by Loop's rule, `times` times."""
    smoother = vtkLoopSubdivisionFilter()
    smoother.SetInputData(to_polydata(mesh))
    smoother.SetNumberOfSubdivisions(times)
    smoother.Update()
    return from_polydata(smoother.GetOutput())
