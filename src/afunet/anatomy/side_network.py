"""What the network for sides sees: it distinguishes left limbs from right ones by their shape.

It sees windows the width of a hand: the share of bone in each voxel. Across the limb the voxels are
finer than a shaft is thick, so that the crest of the tibia and the position of the fibula show. By
construction, its outputs for a window and for its mirror image differ only in sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.models.model_file import ModelFile, Network

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class LimbSiderConfig:
    """Windows of `size` voxels (z, y, x) of `step_mm` each; `channels` of the convolutions."""

    size: tuple[int, int, int] = (24, 40, 40)
    step_mm: tuple[float, float, float] = (5.0, 2.5, 2.5)
    channels: tuple[int, ...] = (12, 24, 48, 64)


LimbSider = Network[LimbSiderConfig]
"""Windows (N, 2, z, y, x) of bone and of the field of view → logits of the left side, (N,)."""
LIMB_SIDES = ModelFile("limb sides", LimbSiderConfig)
"""The file formats of the network."""


def limb_windows(
    points_mm: NDArray[np.floating],
    point_mm3: float,
    seen: Callable[[Float32Array], NDArray[np.bool_]],
    config: LimbSiderConfig,
) -> Float32Array:
    """Windows (N, 2, z, y, x) along one limb, from its lowest point to its highest.

    Each point (N, 3) in LPS mm represents `point_mm3` of bone; `seen` says which places (…, 3) lie
    in the field of view. Windows overlap by at least half, each centred on the points in it.
    """
    low, high = float(points_mm[:, 2].min()), float(points_mm[:, 2].max())
    tall = config.size[0] * config.step_mm[0]
    count = max(1, int(np.ceil(2 * (high - low) / tall)) - 1)
    inset = min(tall, high - low) / 2
    found = []
    for middle in np.linspace(low + inset, high - inset, count):
        near = points_mm[np.abs(points_mm[:, 2] - middle) < tall / 2]
        if len(near):
            centre = np.array([*near[:, :2].mean(axis=0), middle])
            found.append(_window(near, point_mm3, centre, seen, config))
    return np.stack(found)


def _window(
    points_mm: NDArray[np.floating],
    point_mm3: float,
    centre_mm: FloatArray,
    seen: Callable[[Float32Array], NDArray[np.bool_]],
    config: LimbSiderConfig,
) -> Float32Array:
    size, step = np.array(config.size), np.array(config.step_mm)
    low = centre_mm[::-1] - size * step / 2
    indices = np.floor((points_mm[:, ::-1] - low) / step).astype(np.int64)
    inside = ((indices >= 0) & (indices < size)).all(axis=1)
    flat = np.ravel_multi_index(tuple(indices[inside].T), config.size)
    counts = np.bincount(flat, minlength=int(size.prod())).reshape(config.size)
    full = np.minimum(counts * (point_mm3 / float(step.prod())), 1)
    places = np.moveaxis(np.indices(config.size, dtype=np.float32), 0, -1) + np.float32(0.5)
    places = (places * step + low)[..., ::-1].astype(np.float32)
    return np.stack([full, seen(places)]).astype(np.float32)
