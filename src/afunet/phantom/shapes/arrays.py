"""Names of the arrays that the simulator passes on; shapes stand in docstrings."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.integer]
BoolArray = NDArray[np.bool_]
Points = NDArray[np.floating]
"""Places in mm, (..., 3)."""
Rng = np.random.Generator
