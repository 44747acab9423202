"""Drawing fractures and metal where the scan shows the bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from afunet.phantom.config import Implant, ImplantKind, LegConfig
from afunet.phantom.drawing.fractures import draw_fractures
from afunet.phantom.drawing.regions import Region, limb_x
from afunet.phantom.shapes.arrays import Rng

BROKEN = 0.28
"""Share of random legs with a fracture."""
METAL = 0.12
"""Share of random legs with metal."""
# Bones that a region shows, and the heights in their own frames between which metal is (mm).
_HIP_MM, _THIGH_MM, _SHANK_MM = (330.0, 420.0), (60.0, 340.0), (-340.0, -60.0)
_KNEE = (("femur", 10.0, 60.0), ("tibia", -60.0, -5.0), ("patella", 20.0, 50.0))
_KNEE_SHARES = (0.35, 0.5, 0.15)
_IMPLANT_HU = (3000, 9000)


def damaged(config: LegConfig, region: Region, broken: float, rng: Rng) -> LegConfig:
    """The leg, at random with a visible fracture (probability `broken`) or visible metal."""
    side = _side_in_view(config)
    bone, low, high = _target(region, side, rng)
    origin = float(config.grid.matrix()[2, 3])
    top = origin + float(config.grid.matrix()[2, 2]) * (config.grid.shape[0] - 1)
    low, high = max(low, origin), min(high, top)
    if rng.random() < broken:
        found = draw_fractures(region, side, config.anatomy.scale, origin, top, rng)
        config = replace(config, fractures=tuple(found))
    if low < high and rng.random() < METAL:
        kind = ImplantKind(rng.choice(list(ImplantKind)))
        height = rng.uniform(low, high)
        implant = Implant(bone, kind, height, rng.uniform(*_IMPLANT_HU), int(rng.integers(1 << 30)))
        config = replace(config, implants=(implant,))
    return config


def _side_in_view(config: LegConfig) -> str:
    """The first leg, or the other one if a narrow field of view misses the first."""
    sides, grid = config.anatomy.sides, config.grid
    corners = grid.matrix()[0, 3] + grid.matrix()[0, 0] * np.array([0, grid.shape[2] - 1])
    middle = grid.matrix()[2, 3] + grid.matrix()[2, 2] * (grid.shape[0] - 1) / 2
    missed = not corners.min() < limb_x(config.anatomy, middle) < corners.max()
    return sides[1] if missed and len(sides) > 1 else sides[0]


def _target(region: Region, side: str, rng: Rng) -> tuple[str, float, float]:
    """A bone that the region shows, and the heights between which it may hold metal."""
    if region is Region.HIP:
        return f"femur {side}", *_HIP_MM
    if region is Region.THIGH:
        return f"femur {side}", *_THIGH_MM
    if region is Region.KNEE:
        kind, low, high = _KNEE[int(rng.choice(len(_KNEE), p=_KNEE_SHARES))]
        return f"{kind} {side}", low, high
    return f"{rng.choice(['tibia', 'fibula'])} {side}", *_SHANK_MM
