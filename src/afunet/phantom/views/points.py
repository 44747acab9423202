"""Points that fill bones, each with its bone, side and depth, and the errors of masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import NAMED
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, Rng
from afunet.phantom.shapes.distance import Box
from afunet.phantom.shapes.noise import SMOOTH, NoiseField

STEP_MM = 2.0
"""Distance between points before a limb is scaled."""
LEG = ("femur", "patella", "tibia", "fibula")
OTHER = "other"
CLASSES = (*map(str, NAMED), OTHER)
"""The classes of points, in the order of `Points.bone`."""
DRAWN = ("pelvis", *LEG, "foot", OTHER)
LEFT, RIGHT = 0, 1
FEWEST = 200
"""A view with fewer points of the limb is not used."""


@dataclass(frozen=True, eq=False)
class Points:
    """LPS mm (N, 3), index into `CLASSES` (N,), side 0 left or 1 right (N,), depth in mm (N,)."""

    mm: Float32Array
    bone: NDArray[np.uint8]
    side: NDArray[np.uint8]
    depth_mm: Float32Array

    def where(self, kept: BoolArray) -> Points:
        """The points where `kept` (N,) is true."""
        return Points(self.mm[kept], self.bone[kept], self.side[kept], self.depth_mm[kept])

    def moved(self, mm: NDArray[np.floating]) -> Points:
        """The same points at other positions."""
        return replace(self, mm=np.asarray(mm, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class DrawnLimbs:
    """Points in a field of view, and the volume in mm³ that each represents."""

    points: Points
    field: Box
    point_mm3: float


def jittered(points: Points, apart_mm: float, rng: Rng) -> Points:
    """Points of a lattice with spacing `apart_mm`, each moved at random around its place."""
    return points.moved(points.mm + rng.uniform(-apart_mm / 2, apart_mm / 2, points.mm.shape))


def imperfect(points: Points, rng: Rng) -> Points:
    """Warp the points smoothly and remove some of them."""
    return _damaged(points.moved(_warped(points.mm, rng)), rng)


def kept_in(field: Box, points: Points) -> Points:
    """Move points outside a field to its border."""
    return points.moved(np.clip(points.mm, field.low_mm, field.high_mm))


def _warped(mm: NDArray[np.floating], rng: Rng) -> FloatArray:
    """Warp smoothly, so that bones drawn from the same model bone differ in shape."""
    moved = np.zeros(mm.shape)
    for length_mm, most_mm in ((110.0, 6.0), (50.0, 2.0)):
        size, shift = rng.uniform(0, most_mm), rng.uniform(0, 4 * length_mm, 3)
        shifts = [_waves().at(mm + shift + 40 * axis, length_mm) for axis in range(3)]
        moved += size * np.stack(shifts, axis=-1)
    return np.asarray(mm + moved)


@cache
def _waves() -> NoiseField:
    return NoiseField.draw(np.random.default_rng(0), *SMOOTH)


def _damaged(points: Points, rng: Rng) -> Points:
    """Damage the points like imperfect masks: too thin, without marrow, or with holes."""
    kept = points.depth_mm > (rng.uniform(0, 1.5) if rng.random() < 0.3 else -1)
    if rng.random() < 0.15:
        kept &= points.depth_mm < rng.uniform(4, 8)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 5))):
            centre = points.mm[rng.integers(len(points.mm))]
            kept &= np.linalg.norm(points.mm - centre, axis=1) > rng.uniform(3, 12)
    return points.where(kept) if kept.sum() > FEWEST // 2 else points
