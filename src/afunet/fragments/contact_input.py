"""What the network for contacts sees, in training and use."""

from __future__ import annotations

import edt
import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
CENTRE_HU, WIDTH_HU, RANGE = 300.0, 500.0, (-1.5, 2.5)
DEEP_MM = 8.0


def depth_of(mask: NDArray[np.bool_], step_mm: float) -> Float32Array:
    """Depth below the surface in mm, at most 2 · `DEEP_MM`, 0 outside the bone."""
    depth = edt.edt(mask, anisotropy=(step_mm,) * 3, black_border=True)
    return np.minimum(np.asarray(depth, dtype=np.float32), 2 * DEEP_MM)


def channels_of(hu: Float32Array, depth_mm: Float32Array) -> Float32Array:
    """Channels (3, D, H, W) from HU and depth: HU about 0, mask, depth; 0 outside the bone."""
    mask = (depth_mm > 0).astype(np.float32)
    grey = ((hu - CENTRE_HU) / WIDTH_HU).clip(*RANGE) * mask
    return np.stack([grey, mask, depth_mm / DEEP_MM]).astype(np.float32)
