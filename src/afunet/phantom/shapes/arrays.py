"""Names for the array types of the simulator; docstrings give the shapes."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.integer]
BoolArray = NDArray[np.bool_]
Points = NDArray[np.floating]
"""Positions in mm, (..., 3)."""
Rng = np.random.Generator
