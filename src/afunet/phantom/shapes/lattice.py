"""Lattices of points along the axes, and the lattice points inside a solid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

from afunet.formats.polydata import to_polydata
from afunet.geometry import Mesh
from afunet.phantom.shapes.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Window:
    """Indices (x, y, z) of a lattice, from `first` (3,) up to but not including `last` (3,)."""

    first: IntArray
    last: IntArray

    @staticmethod
    def over(corners: FloatArray, count: IntArray) -> Window | None:
        """The lattice points in a box with corners (N, 3) in steps; None if there are none."""
        first = np.clip(np.floor(corners.min(axis=0)), 0, count).astype(int)
        last = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, count).astype(int)
        return None if (first >= last).any() else Window(first, last)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The window as slices of an array (z, y, x)."""
        return tuple(slice(a, b) for a, b in zip(self.first[::-1], self.last[::-1], strict=True))

    def places(self) -> IntArray:
        """Indices (x, y, z) of the window's points, (z, y, x, 3)."""
        columns, rows, slices = (self.last - self.first).tolist()
        return np.asarray(
            np.moveaxis(np.indices((slices, rows, columns))[::-1], 0, -1) + self.first
        )


def inside_mesh(
    mesh: Mesh, origin_mm: FloatArray, spacing_mm: FloatArray, count: IntArray
) -> BoolArray:
    """Which points (z, y, x) lie in a closed surface; the arguments are in the order x, y, z."""
    cut = vtkPolyDataToImageStencil()
    cut.SetInputData(to_polydata(mesh))
    cut.SetTolerance(0)
    cut.SetOutputOrigin(*origin_mm)
    cut.SetOutputSpacing(*spacing_mm)
    columns, rows, slices = (int(number) - 1 for number in count)
    cut.SetOutputWholeExtent(0, columns, 0, rows, 0, slices)
    paint = vtkImageStencilToImage()
    paint.SetInputConnection(cut.GetOutputPort())
    paint.SetOutputScalarTypeToUnsignedChar()
    paint.SetInsideValue(1)
    paint.SetOutsideValue(0)
    paint.Update()
    scalars = paint.GetOutput().GetPointData().GetScalars()
    return np.asarray(vtk_to_numpy(scalars).reshape(count[::-1]) > 0)
