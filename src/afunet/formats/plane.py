"""Name the plane of a stack of slices by its normal."""

import numpy as np
from numpy.typing import ArrayLike

PLANES = ("sagittal", "coronal", "axial")
# A stack within 10° of a body axis gets the name of that plane.
SMALLEST_COSINE = float(np.cos(np.radians(10)))


def plane_name(normal: ArrayLike) -> str:
    """Axial, coronal, sagittal or oblique, from a slice normal (3,) in LPS of any length."""
    direction = np.abs(np.asarray(normal, dtype=np.float64))
    axis = int(direction.argmax())
    along = direction[axis] >= SMALLEST_COSINE * np.linalg.norm(direction)
    return PLANES[axis] if along else "oblique"
