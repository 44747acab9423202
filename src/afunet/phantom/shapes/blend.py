"""Soft edges: ramps from 0 to 1, and mixing HU with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afunet.phantom.shapes.arrays import Float32Array


def step(value: NDArray[np.floating], width: float) -> Float32Array:
    """0 below zero, 1 above, with a ramp of this width between."""
    return np.asarray(np.clip(0.5 + value / width, 0, 1), dtype=np.float32)


def mix(
    below: Float32Array | np.float32, above: Float32Array | np.float32 | float, share: Float32Array
) -> Float32Array:
    """Mix linearly: `below` at share 0, `above` at share 1."""
    return np.asarray(below + (above - below) * share, dtype=np.float32)
