"""Measure how far a finished surface lies from the boundary of its mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkDoubleArray
from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

from afunet.formats.polydata import to_polydata
from afunet.geometry import Mesh
from afunet.reconstruction.surface_points import points_on

FloatArray = NDArray[np.float64]
SAMPLES = 10_000


@dataclass(frozen=True)
class Deviation:
    """Distances between the surfaces in mm, the change of volume, and defects of the finished one.

    The mask's boundary is its raw surface, halfway between the centres of bone and background.
    `volume_change` is a fraction of the mask's volume, negative if the surface encloses less.
    `open_edges` and `nonmanifold_edges` (with more than two triangles) are 0 in a sound surface.
    """

    mean_mm: float
    p95_mm: float
    largest_mm: float
    volume_change: float
    triangles: int
    open_edges: int
    nonmanifold_edges: int


def deviation(
    finished: Mesh, raw: Mesh, volume_mm3: float | None = None, samples: int = SAMPLES
) -> Deviation:
    """Compare two surfaces at `samples` random points of each, drawn evenly over their area.

    The volume is compared with `volume_mm3`, that of the mask's voxels, or with that of `raw`. The
    same surfaces always give the same figures. If one is empty, all distances are 0.
    """
    if finished.is_empty or raw.is_empty:
        return Deviation(
            0.0,
            0.0,
            0.0,
            0.0,
            len(finished.faces),
            finished.open_edges,
            finished.nonmanifold_edges,
        )
    apart_mm = np.concatenate(
        [
            distances_mm(points_on(finished, samples).points_mm, raw),
            distances_mm(points_on(raw, samples).points_mm, finished),
        ]
    )
    return Deviation(
        mean_mm=float(apart_mm.mean()),
        p95_mm=float(np.percentile(apart_mm, 95)),
        largest_mm=float(apart_mm.max()),
        volume_change=finished.volume_mm3 / (volume_mm3 or raw.volume_mm3) - 1,
        triangles=len(finished.faces),
        open_edges=finished.open_edges,
        nonmanifold_edges=finished.nonmanifold_edges,
    )


def distances_mm(points_mm: FloatArray, mesh: Mesh) -> FloatArray:
    """Distances (N,) from points (N, 3) to the nearest point of a surface, never negative."""
    nearest = vtkImplicitPolyDataDistance()
    nearest.SetInput(to_polydata(mesh))
    found = vtkDoubleArray()
    nearest.FunctionValue(numpy_to_vtk(np.ascontiguousarray(points_mm)), found)
    return np.asarray(np.abs(vtk_to_numpy(found)), dtype=np.float64)
