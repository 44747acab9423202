"""Dense objects in and on soft tissue: calcifications, clips, tubes, electrodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from afunet.phantom.config import Clutter
from afunet.phantom.shapes.arrays import Float32Array, Rng
from afunet.phantom.shapes.blend import mix, step
from afunet.phantom.tissue.envelope import LimbFrame

_MARGIN_MM = 3.0


class _Place(StrEnum):
    DEEP = "deep"
    FAT = "fat"
    SKIN = "skin"


@dataclass(frozen=True)
class Grain:
    """A rounded object: its place, shape, core and rim.

    In the skin and the fat, its place is `depth_mm` below the skin; elsewhere it is `radius_share`
    of the fascia's radius.
    """

    height_mm: float
    angle: float
    radius_share: float
    depth_mm: float
    place: _Place
    half_mm: tuple[float, float, float]
    hu: float
    core_hu: float
    rim_mm: float

    def paint(self, hu: Float32Array, frame: LimbFrame) -> None:
        """Paint the object into HU (N,) at the points of the frame, in place."""
        long, thick, tall = self.half_mm
        up = frame.height_mm - np.float32(self.height_mm)
        if float(np.abs(up).min()) > tall + _MARGIN_MM:
            return
        cos, sin = float(np.cos(self.angle)), float(np.sin(self.angle))
        along = frame.behind_mm * cos - frame.across_mm * sin
        near = np.flatnonzero(np.abs(along) < long + _MARGIN_MM)
        out = frame.across_mm[near] * cos + frame.behind_mm[near] * sin
        if self.place is _Place.DEEP:
            off = out - self.radius_share * frame.radius_mm[near]
        else:
            off = np.where(out > 0, frame.skin_mm[near] + self.depth_mm, 99.0)
        kept = np.abs(off) < thick + _MARGIN_MM
        near, off = near[kept], off[kept]
        if not len(near):
            return
        scaled = np.sqrt((along[near] / long) ** 2 + (off / thick) ** 2 + (up[near] / tall) ** 2)
        outside = (scaled - 1) * min(self.half_mm)
        inner = mix(
            np.float32(self.hu), np.float32(self.core_hu), step(-outside - self.rim_mm, 0.8)
        )
        hu[near] = mix(hu[near], inner, step(-outside, 0.6))


def draw_clutter(clutter: Clutter, heights_mm: tuple[float, float], rng: Rng) -> tuple[Grain, ...]:
    """Draw all objects at random places between two heights."""
    makers = (
        (clutter.chalk, _chalk),
        (clutter.granulomas, _granuloma),
        (clutter.clips, _clip),
        (clutter.staples, _staple),
        (clutter.tubes, _tube),
        (clutter.electrodes, _electrode),
    )
    return tuple(
        maker(rng.uniform(*heights_mm), rng) for count, maker in makers for _ in range(count)
    )


def paint_clutter(hu: Float32Array, grains: Sequence[Grain], frame: LimbFrame) -> Float32Array:
    """HU (N,) with all grains in it."""
    painted = hu.copy()
    for grain in grains:
        grain.paint(painted, frame)
    return painted


def _angle(rng: Rng) -> float:
    return float(rng.uniform(0, 2 * np.pi))


def _chalk(height: float, rng: Rng) -> Grain:
    """A vein stone or a calcified lymph node or tendon: 2 to 12 mm, some with a soft core."""
    size = float(np.exp(rng.uniform(np.log(1.0), np.log(6.0))))
    half = tuple(float(size * rng.uniform(0.7, 1.3)) for _ in range(3))
    hu = rng.uniform(200, 1200)
    core = hu if rng.random() < 0.6 else rng.uniform(40, 0.6 * hu)
    share = float(0.95 * np.sqrt(rng.random()))
    return Grain(
        height,
        _angle(rng),
        share,
        0.0,
        _Place.DEEP,
        (half[0], half[1], half[2]),
        hu,
        core,
        0.35 * size,
    )


def _granuloma(height: float, rng: Rng) -> Grain:
    """An injection granuloma in the fat, with a calcified shell."""
    size = rng.uniform(3, 11)
    half = (
        size * rng.uniform(0.8, 1.4),
        size * rng.uniform(0.5, 1.0),
        size * rng.uniform(0.8, 1.3),
    )
    shell = rng.uniform(150, 1100)
    core = rng.choice([-90.0, 30.0, 80.0, shell])
    return Grain(
        height,
        _angle(rng),
        0.0,
        rng.uniform(4, 22),
        _Place.FAT,
        half,
        shell,
        float(core),
        rng.uniform(0.8, 2.0),
    )


def _clip(height: float, rng: Rng) -> Grain:
    half = (rng.uniform(1.5, 5), rng.uniform(0.5, 1.0), rng.uniform(1, 5))
    hu = rng.uniform(2000, 6000)
    return Grain(height, _angle(rng), rng.uniform(0.1, 1.05), 0.0, _Place.DEEP, half, hu, hu, 9.0)


def _staple(height: float, rng: Rng) -> Grain:
    half = (rng.uniform(2, 4), 0.5, rng.uniform(0.4, 2))
    hu = rng.uniform(2000, 5000)
    return Grain(height, _angle(rng), 0.0, rng.uniform(-0.5, 1.0), _Place.SKIN, half, hu, hu, 9.0)


def _tube(height: float, rng: Rng) -> Grain:
    """A drain or catheter along the limb: a plastic wall around fluid or air."""
    radius = rng.uniform(1.2, 4.0)
    hu = rng.uniform(120, 700)
    core = float(rng.choice([-800.0, 10.0, 40.0]))
    half = (radius, radius * rng.uniform(0.7, 1.0), rng.uniform(40, 160))
    share = float(rng.uniform(0.1, 1.15))
    return Grain(height, _angle(rng), share, 0.0, _Place.DEEP, half, hu, core, 0.3 * radius)


def _electrode(height: float, rng: Rng) -> Grain:
    """A flat electrode on the skin with a metal or carbon snap."""
    half = (rng.uniform(4, 16), rng.uniform(0.8, 2.2), rng.uniform(6, 16))
    hu = float(rng.choice([150.0, 500.0, 1500.0, 3000.0]))
    return Grain(height, _angle(rng), 0.0, -half[1], _Place.SKIN, half, hu, hu, 9.0)
