"""How far the axes of a grid are from perpendicular, in millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from afunet.errors import GeometryError
from afunet.geometry.tolerances import LARGEST_SHEAR_MM
from afunet.geometry.volume import Volume


def shear_mm(affine: ArrayLike, size: tuple[int, int, int]) -> float:
    """Distance of the far corner from where perpendicular axes would have it.

    `affine` (4, 4) maps (column, row, slice) indices to mm, `size` is the number of each. The
    columns' direction is kept, rows are turned within the plane, slices out of it: what remains
    above the diagonal of the QR decomposition is the shear.
    """
    steps_mm = np.linalg.qr(np.asarray(affine, dtype=np.float64)[:3, :3])[1]
    off_mm = np.abs(np.triu(steps_mm, 1)) @ (np.array(size) - 1)
    return float(np.linalg.norm(off_mm))


def require_straight(volume: Volume) -> None:
    """Raise `GeometryError` where two voxel axes are not perpendicular.

    What counts is how far the volume's far corner is off by it: `LARGEST_SHEAR_MM`.
    """
    slices, rows, columns = volume.shape
    off_mm = shear_mm(volume.affine, (columns, rows, slices))
    if off_mm <= LARGEST_SHEAR_MM:
        return
    cosines = volume.directions.T @ volume.directions - np.eye(3)
    angle = np.degrees(np.arcsin(min(float(np.abs(cosines).max()), 1.0)))
    raise GeometryError(
        f"the voxel axes are sheared by {angle:.2f}°, {off_mm:.1f} mm at the far corner, expected "
        "perpendicular axes: resample the volume to a straight grid first",
        code="SHEARED",
    )
