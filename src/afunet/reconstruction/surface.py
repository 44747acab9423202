"""Make the surface of a mask, as triangles in patient millimetres."""

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from afunet.formats.polydata import from_polydata
from afunet.geometry import Mesh, Volume, bounding_box
from afunet.reconstruction.decimation import decimated
from afunet.reconstruction.smoothing import Smoothing, smoothed
from afunet.watch import UNWATCHED, Watch

EMPTY_MESH = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
STAGE = "surface"
STEPS = 3


def surface(
    mask: Volume,
    *,
    smoothing: Smoothing | None = None,
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    watch: Watch = UNWATCHED,
) -> Mesh:
    """Return the closed surface of the mask's non-zero voxels, in LPS mm, with outward faces.

    The steps are marching cubes halfway between voxel centres (flying edges), then `smoothing`
    (default `Smoothing()`), then decimation by `max_triangles` and `max_error_mm`. The affine may
    be oblique, anisotropic, sheared or mirrored. Bone that reaches the edge of the volume is closed
    half a voxel beyond the last voxel's centre. An empty mask gives an empty mesh. Raises
    `Cancelled` between the steps, and `ConfigError` for an impossible limit of decimation.
    """
    watch.tell(STAGE, 0, STEPS)
    mesh = raw_surface(mask)
    watch.check()
    watch.tell(STAGE, 1, STEPS)
    volume_mm3 = float(np.count_nonzero(mask.voxels)) * mask.voxel_volume_mm3
    mesh = smoothed(mesh, smoothing or Smoothing(), mask.affine, volume_mm3)
    watch.check()
    watch.tell(STAGE, 2, STEPS)
    mesh = decimated(mesh, max_triangles, max_error_mm)
    watch.check()
    watch.tell(STAGE, STEPS, STEPS)
    return mesh


def raw_surface(mask: Volume) -> Mesh:
    """Return the raw boundary of a mask: marching cubes halfway between voxel centres."""
    box = bounding_box(mask.voxels)
    if box is None:
        return EMPTY_MESH
    bone = np.pad(mask.voxels[box] != 0, 1).astype(np.uint8)
    first_padded_index = [box[axis].start - 1 for axis in (2, 1, 0)]
    to_mm = mask.affine.copy()
    to_mm[:3, 3] = mask.to_mm(first_padded_index)
    return _flying_edges(bone).transformed(to_mm)


def _flying_edges(bone: NDArray[np.uint8]) -> Mesh:
    """Iso-surface of 0/1 voxels at 0.5, in (column, row, slice) indices."""
    image = vtkImageData()
    image.SetDimensions(*reversed(bone.shape))
    scalars = numpy_to_vtk(bone.reshape(-1))
    image.GetPointData().SetScalars(scalars)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return from_polydata(edges.GetOutput())
