"""Points that fill bones, each with its bone, side and depth, and what masks do to them."""

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
"""Points are so far apart before a limb is scaled."""
LEG = ("femur", "patella", "tibia", "fibula")
OTHER = "other"
CLASSES = (*map(str, NAMED), OTHER)
"""What a point can be part of, in the order of `Points.bone`."""
DRAWN = ("pelvis", *LEG, "foot", OTHER)
LEFT, RIGHT = 0, 1
FEWEST = 200
"""Fewer points of the limb are not worth a view."""


@dataclass(frozen=True, eq=False)
class Points:
    """LPS mm (N, 3), index into `CLASSES` (N,), side 0 left or 1 right (N,), depth in mm (N,)."""

    mm: Float32Array
    bone: NDArray[np.uint8]
    side: NDArray[np.uint8]
    depth_mm: Float32Array

    def where(self, kept: BoolArray) -> Points:
        """Those that are kept (N,)."""
        return Points(self.mm[kept], self.bone[kept], self.side[kept], self.depth_mm[kept])

    def moved(self, mm: NDArray[np.floating]) -> Points:
        """The same points elsewhere."""
        return replace(self, mm=np.asarray(mm, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class DrawnLimbs:
    """Points in a field of view, and how much volume each stands for in mm³."""

    points: Points
    field: Box
    point_mm3: float


def jittered(points: Points, apart_mm: float, rng: Rng) -> Points:
    """Points of a lattice, `apart_mm` apart, each somewhere about its place."""
    return points.moved(points.mm + rng.uniform(-apart_mm / 2, apart_mm / 2, points.mm.shape))


def imperfect(points: Points, rng: Rng) -> Points:
    """Points bent smoothly, and some of them lost."""
    return _damaged(points.moved(_warped(points.mm, rng)), rng)


def kept_in(field: Box, points: Points) -> Points:
    """Points pushed to the border of a field where they lie beyond it."""
    return points.moved(np.clip(points.mm, field.low_mm, field.high_mm))


def _warped(mm: NDArray[np.floating], rng: Rng) -> FloatArray:
    """Bent smoothly, so that no two bones drawn from one have one shape."""
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
    """Too thin, marrow left out, holes: what masks that are not perfect have."""
    kept = points.depth_mm > (rng.uniform(0, 1.5) if rng.random() < 0.3 else -1)
    if rng.random() < 0.15:
        kept &= points.depth_mm < rng.uniform(4, 8)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 5))):
            centre = points.mm[rng.integers(len(points.mm))]
            kept &= np.linalg.norm(points.mm - centre, axis=1) > rng.uniform(3, 12)
    return points.where(kept) if kept.sum() > FEWEST // 2 else points
