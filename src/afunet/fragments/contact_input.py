"""What the network for contacts sees, in training and use."""

from __future__ import annotations

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Float32Array = NDArray[np.float32]
CENTRE_HU, WIDTH_HU, RANGE = 300.0, 500.0, (-1.5, 2.5)
DEEP_MM = 8.0
AROUND, CONTRAST = 7, 3.0


def depth_of(mask: NDArray[np.bool_], step_mm: float) -> Float32Array:
    """Depth below the surface in mm, at most 2 · `DEEP_MM`, 0 outside the bone."""
    depth = edt.edt(mask, anisotropy=(step_mm,) * 3, black_border=True)
    return np.minimum(np.asarray(depth, dtype=np.float32), 2 * DEEP_MM)


def channels_of(hu: Float32Array, depth_mm: Float32Array) -> Float32Array:
    """Channels (4, D, H, W) from HU and depth: HU about 0, mask, depth, HU beside the mean around.

    All are 0 outside the bone, and the mean is that of the bone within `AROUND` voxels.
    """
    mask = (depth_mm > 0).astype(np.float32)
    grey = ((hu - CENTRE_HU) / WIDTH_HU).clip(*RANGE) * mask
    share, sums = (ndimage.uniform_filter(part, AROUND, mode="constant") for part in (mask, grey))
    contrast = CONTRAST * (grey - sums / np.maximum(share, 1e-3)) * mask
    return np.stack([grey, mask, depth_mm / DEEP_MM, contrast]).astype(np.float32)
