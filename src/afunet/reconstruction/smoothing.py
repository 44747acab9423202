"""Smoothing that takes the voxel steps off a surface and leaves the surface where it was."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

from afunet.errors import ConfigError
from afunet.formats.polydata import from_polydata, to_polydata
from afunet.geometry import Mesh

VOLUME_STEPS, VOLUME_OFF = 15, 1e-3
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Smoothing:
    """A windowed-sinc low-pass filter over the mesh (Taubin et al. 1996), held within bounds.

    No vertex moves further than `limit_voxels` along any axis of the voxel grid. The limit is
    below half a voxel: the true edge lies somewhere between a bone voxel's centre and its
    background neighbour's, half a voxel from the raw surface at most, and the two faces of a
    plate one voxel thick never meet. A smaller `pass_band` (0 to 2) is smoother; 0 iterations
    leave the surface raw. The volume that marching cubes and the filter cut from corners is given
    back by moving the surface evenly along its normals, within the same bounds. On ellipsoids of
    0.8 × 0.8 × 3 mm voxels the defaults bring the mean distance to the exact surface from 0.23 to
    0.09 mm.
    """

    iterations: int = 40
    pass_band: float = 0.05
    limit_voxels: float = 0.45

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise ConfigError(f"smoothing needs 0 or more iterations, got {self.iterations}")
        if not 0 < self.pass_band <= 2:
            raise ConfigError(f"the smoothing pass band lies in (0, 2], got {self.pass_band}")
        if not 0 <= self.limit_voxels < 0.5:
            raise ConfigError(f"the smoothing limit lies in [0, 0.5), got {self.limit_voxels}")


def smoothed(
    mesh: Mesh, smoothing: Smoothing, affine: FloatArray, volume_mm3: float | None = None
) -> Mesh:
    """`mesh` with its vertices moved, within the limits of the grid that `affine` (4, 4) spans.

    The filter works in millimetres, so that thick slices are smoothed as far as they are thick.
    The result encloses `volume_mm3`, that of the mask's voxels, to a thousandth, or as near as the
    limits allow; without it no volume is given back.
    """
    if mesh.is_empty or smoothing.iterations == 0:
        return mesh
    found = _held(_low_pass(mesh, smoothing).vertices_mm, mesh, smoothing, affine)
    if volume_mm3 is None:
        return found
    for _ in range(VOLUME_STEPS):
        missing_mm3 = volume_mm3 - found.volume_mm3
        if abs(missing_mm3) <= VOLUME_OFF * volume_mm3:
            break
        swollen_mm = missing_mm3 / found.area_mm2 * found.vertex_normals()
        found = _held(found.vertices_mm + swollen_mm, mesh, smoothing, affine)
    return found


def _held(vertices_mm: FloatArray, mesh: Mesh, smoothing: Smoothing, affine: FloatArray) -> Mesh:
    """`mesh` with its vertices moved there, or as near as the limits let them."""
    voxel_mm, limit = affine[:3, :3], smoothing.limit_voxels
    moved_voxels = (vertices_mm - mesh.vertices_mm) @ np.linalg.inv(voxel_mm).T
    held_mm = np.clip(moved_voxels, -limit, limit) @ voxel_mm.T
    return Mesh(mesh.vertices_mm + held_mm, mesh.faces)


def _low_pass(mesh: Mesh, smoothing: Smoothing) -> Mesh:
    sinc = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(to_polydata(mesh))
    sinc.SetNumberOfIterations(smoothing.iterations)
    sinc.SetPassBand(smoothing.pass_band)
    sinc.NormalizeCoordinatesOn()
    sinc.FeatureEdgeSmoothingOff()
    sinc.BoundarySmoothingOff()
    sinc.NonManifoldSmoothingOn()
    sinc.Update()
    return from_polydata(sinc.GetOutput())
