"""How far the axes of a grid are from perpendicular, in millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def shear_mm(affine: ArrayLike, size: tuple[int, int, int]) -> float:
    """Distance of the far corner from where perpendicular axes would have it.

    `affine` (4, 4) maps (column, row, slice) indices to mm, `size` is the number of each. The
    columns' direction is kept, rows are turned within the plane, slices out of it: what remains
    above the diagonal of the QR decomposition is the shear.
    """
    steps_mm = np.linalg.qr(np.asarray(affine, dtype=np.float64)[:3, :3])[1]
    off_mm = np.abs(np.triu(steps_mm, 1)) @ (np.array(size) - 1)
    return float(np.linalg.norm(off_mm))
