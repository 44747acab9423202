"""Smooth the voxel steps of a surface without moving the surface as a whole."""

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
    """Options of smoothing: a windowed-sinc low-pass filter (Taubin et al. 1996) with a limit.

    No vertex moves further than `limit_voxels` along any axis of the voxel grid. The limit is below
    half a voxel: the true edge lies between the centres of a bone voxel and its background
    neighbour, at most half a voxel from the raw surface, and the two faces of a plate one voxel
    thick never meet. A smaller `pass_band` (0 to 2) smooths more; 0 iterations leave the surface
    raw. Marching cubes and the filter cut some volume off corners; moving the surface evenly along
    its normals, within the same limit, restores it. On ellipsoids with voxels of 0.8 × 0.8 × 3 mm
    the defaults reduce the mean distance to the exact surface from 0.23 to 0.09 mm.
    """

    iterations: int = 40
    pass_band: float = 0.05
    limit_voxels: float = 0.45

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise ConfigError(f"smoothing iterations must be 0 or more, got {self.iterations}")
        if not 0 < self.pass_band <= 2:
            raise ConfigError(f"the smoothing pass band must be in (0, 2], got {self.pass_band}")
        if not 0 <= self.limit_voxels < 0.5:
            raise ConfigError(f"the smoothing limit must be in [0, 0.5), got {self.limit_voxels}")


def smoothed(
    mesh: Mesh, smoothing: Smoothing, affine: FloatArray, volume_mm3: float | None = None
) -> Mesh:
    """Return `mesh` with its vertices moved, within the limits on the grid of `affine` (4, 4).

    The filter works in millimetres, so that thick slices are smoothed over their thickness. The
    result encloses `volume_mm3`, the volume of the mask's voxels, to a thousandth or as nearly as
    the limits allow; without `volume_mm3`, the volume is not restored.
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
    """Return `mesh` with its vertices moved to `vertices_mm` as far as the limits allow."""
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
