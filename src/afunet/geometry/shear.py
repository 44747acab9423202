"""Shear: how far the axes of a grid are from perpendicular, in millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from afunet.errors import GeometryError
from afunet.geometry.tolerances import LARGEST_SHEAR_MM
from afunet.geometry.volume import Volume


def shear_mm(affine: ArrayLike, size: tuple[int, int, int]) -> float:
    """Distance of the far corner from its place with perpendicular axes.

    `affine` (4, 4) maps (column, row, slice) indices to mm; `size` is their number. The
    perpendicular axes keep the direction of the columns and the plane of columns and rows: the
    shear is the part above the diagonal in the QR decomposition.
    """
    steps_mm = np.linalg.qr(np.asarray(affine, dtype=np.float64)[:3, :3])[1]
    off_mm = np.abs(np.triu(steps_mm, 1)) @ (np.array(size) - 1)
    return float(np.linalg.norm(off_mm))


def require_straight(volume: Volume) -> None:
    """Raise `GeometryError` if the voxel axes are not perpendicular.

    The limit is a shear of the volume's far corner by `LARGEST_SHEAR_MM`.
    """
    slices, rows, columns = volume.shape
    off_mm = shear_mm(volume.affine, (columns, rows, slices))
    if off_mm <= LARGEST_SHEAR_MM:
        return
    cosines = volume.directions.T @ volume.directions - np.eye(3)
    angle = np.degrees(np.arcsin(min(float(np.abs(cosines).max()), 1.0)))
    raise GeometryError(
        f"the voxel axes are sheared by {angle:.2f}° ({off_mm:.1f} mm at the far corner), expected "
        "perpendicular axes: resample the volume to such a grid first",
        code="SHEARED",
    )
