"""Cysts and drilled tunnels inside bones: dark with a dense rim, but labelled as bone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import BoneQuality
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng
from afunet.phantom.skeleton.bones import Bone

_RIM_MM, _EDGE_MM = 1.0, 0.6


@dataclass(frozen=True, eq=False)
class Defect:
    """A capsule around a segment in a bone's frame, with HU of its inside and its rim."""

    bone: str
    start_mm: FloatArray
    end_mm: FloatArray
    radius_mm: float
    inside_hu: float
    rim_hu: float

    def paint(self, hu: Float32Array, points: Points) -> Float32Array:
        """HU (N,) of the bone at points (N, 3) of its frame with the defect in it."""
        axis = self.end_mm - self.start_mm
        square = max(float(axis @ axis), 1e-6)
        share = np.clip((points - self.start_mm) @ axis / square, 0, 1)
        nearest = self.start_mm + share[:, None] * axis
        distance = np.linalg.norm(points - nearest, axis=1) - self.radius_mm
        rim = np.exp(-0.5 * ((distance - _RIM_MM / 2) / (_RIM_MM / 2)) ** 2)
        hollow = np.clip(0.5 - distance / _EDGE_MM, 0, 1)
        rimmed = hu + (np.maximum(self.rim_hu, hu) - hu) * rim
        return np.asarray(rimmed + (self.inside_hu - rimmed) * hollow, dtype=np.float32)


def draw_defects(bones: Sequence[Bone], quality: BoneQuality, rng: Rng) -> list[Defect]:
    """Draw cysts and, if configured, a tunnel, deep enough inside random bones in view."""
    found = []
    for k in range(quality.cysts + quality.tunnel):
        bone = bones[int(rng.integers(len(bones)))]
        is_tunnel = k == quality.cysts
        radius = rng.uniform(3.0, 5.0) if is_tunnel else rng.uniform(1.5, 6.0)
        z, y, x = np.nonzero(bone.surface.values[::2, ::2, ::2] < -radius)
        inside_hu, rim_hu, axis = rng.uniform(0, 60), rng.uniform(350, 900), rng.normal(0, 1, 3)
        if not len(z):
            continue
        chosen = int(rng.integers(len(z)))
        step = 2 * bone.surface.spacing_mm
        centre = np.array([x[chosen], y[chosen], z[chosen]]) * step + bone.surface.origin_mm
        half = axis / np.linalg.norm(axis) * (rng.uniform(10, 25) if is_tunnel else 1.0)
        found.append(Defect(bone.name, centre - half, centre + half, radius, inside_hu, rim_hu))
    return found
