"""What a stack of slices is called by the direction it is stacked in."""

import numpy as np
from numpy.typing import ArrayLike

PLANES = ("sagittal", "coronal", "axial")
# Within 10° of a body axis a stack is called by its plane's name.
SMALLEST_COSINE = float(np.cos(np.radians(10)))


def plane_name(normal: ArrayLike) -> str:
    """Axial, coronal, sagittal or oblique, of a slice normal (3,) of any length in LPS."""
    direction = np.abs(np.asarray(normal, dtype=np.float64))
    axis = int(direction.argmax())
    along = direction[axis] >= SMALLEST_COSINE * np.linalg.norm(direction)
    return PLANES[axis] if along else "oblique"
