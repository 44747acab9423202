"""Drawing dense tissue in the joints: blood, contrast medium, synovium, tophi."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from afunet.phantom.config import JointSpace, JointTissue, JointTissueKind
from afunet.phantom.drawing.regions import Region
from afunet.phantom.shapes.arrays import Rng
from afunet.phantom.shapes.streams import Stream

CHANCES = {Region.KNEE: 0.35, Region.HIP: 0.1, Region.ANKLE: 0.1}
"""Share of the legs with dense tissue in the joint that a region shows; 0 in other regions."""
_SECOND, _WHOLE, _TOUCHING, _ONE_SIDE = 0.3, 0.5, 0.55, 0.5
"""Shares with a second kind, filled wholly, touching bone, and on one of two sides."""
_SETTLED, _FAT = 0.5, 0.4
"""Shares of fluids with a level, and of blood with fat floating on it."""
_SHARES = {
    JointTissueKind.BLOOD: 0.18,
    JointTissueKind.CONTRAST: 0.24,
    JointTissueKind.SYNOVIUM: 0.29,
    JointTissueKind.TOPHI: 0.29,
}
"""Shares of the kinds; blood is least like bone."""
# How often each space of a knee holds fluid, synovium, tophi.
_FLUID = {
    JointSpace.NOTCH: 0.7,
    JointSpace.SPINES: 0.4,
    JointSpace.BEHIND: 0.6,
    JointSpace.CYST: 0.25,
    JointSpace.BESIDE_PATELLA: 0.5,
    JointSpace.GUTTERS: 0.5,
    JointSpace.ABOVE_PATELLA: 0.6,
    JointSpace.LINING: 0.3,
}
_SYNOVIUM = _FLUID | {JointSpace.POPLITEUS: 0.3, JointSpace.PAD: 0.3, JointSpace.LINING: 0.45}
_TOPHI = {
    JointSpace.NOTCH: 0.7,
    JointSpace.SPINES: 0.5,
    JointSpace.BEHIND: 0.4,
    JointSpace.CYST: 0.15,
    JointSpace.POPLITEUS: 0.5,
    JointSpace.PAD: 0.4,
    JointSpace.BESIDE_PATELLA: 0.2,
    JointSpace.LINING: 0.3,
}


def draw_joint_tissue(
    seed: int,
    region: Region,
    sides: tuple[str, ...] = ("left",),
    chance: float | None = None,
    kind: JointTissueKind | None = None,
) -> tuple[JointTissue, ...]:
    """Dense tissue in the joint that a region shows, of one kind or two, often none.

    It has random numbers of its own, so nothing else of a leg depends on it. `chance` overrides
    `CHANCES` (where the region shows a joint); with `kind`, there is only that kind.
    """
    rng = Stream.JOINT_TISSUE.of(seed)
    if region not in CHANCES or rng.random() >= (CHANCES[region] if chance is None else chance):
        return ()
    side = str(rng.choice(sides)) if len(sides) > 1 and rng.random() < _ONE_SIDE else None
    kinds = list(_SHARES)
    count = 2 if rng.random() < _SECOND and kind is None else 1
    chosen = rng.choice(len(kinds), count, replace=False, p=list(_SHARES.values()))
    drawn = [kind] if kind else [kinds[int(k)] for k in chosen]
    return tuple(replace(_MAKERS[one](region, rng), side=side) for one in drawn)


def _blood(region: Region, rng: Rng) -> JointTissue:
    """Blood, mixed or settled, with or without floating fat."""
    level = rng.uniform(-15, 30) if rng.random() < _SETTLED else None
    return JointTissue(
        JointTissueKind.BLOOD,
        _spaces(region, _FLUID, rng),
        fill=_fill(rng),
        hu=rng.uniform(50, 105),
        host_hu=rng.uniform(15, 40),
        mixing=rng.uniform(0, 0.4) if level is None else rng.uniform(0.4, 1.0),
        contrast=rng.uniform(0.02, 0.15),
        grain_mm=rng.uniform(1.0, 4.0),
        lobe_mm=rng.uniform(0.8, 3.5),
        edge_mm=rng.uniform(0.8, 2.5),
        thick_mm=rng.uniform(4, 16),
        gap_mm=_gap(rng),
        level_mm=level,
        fat_level_mm=rng.uniform(-50, -22) if rng.random() < _FAT else None,
    )


def _contrast(region: Region, rng: Rng) -> JointTissue:
    """Contrast medium in the joint, diluted and layered."""
    return JointTissue(
        JointTissueKind.CONTRAST,
        _spaces(region, _FLUID, rng),
        fill=_fill(rng),
        hu=rng.uniform(100, 350),
        host_hu=rng.uniform(15, 60),
        mixing=rng.uniform(0, 0.8),
        contrast=rng.uniform(0.02, 0.2),
        grain_mm=rng.uniform(1.0, 4.0),
        lobe_mm=rng.uniform(0.8, 3.5),
        edge_mm=rng.uniform(0.6, 2.5),
        thick_mm=rng.uniform(2, 14),
        gap_mm=_gap(rng),
        level_mm=rng.uniform(-35, 40) if rng.random() < _SETTLED else None,
    )


def _synovium(region: Region, rng: Rng) -> JointTissue:
    """Thick synovium with lobes and fronds."""
    return JointTissue(
        JointTissueKind.SYNOVIUM,
        _spaces(region, _SYNOVIUM, rng),
        fill=_fill(rng),
        hu=_between(80, 250, rng),
        host_hu=rng.uniform(40, 90),
        mixing=rng.uniform(0, 0.6),
        contrast=rng.uniform(0.1, 0.6),
        grain_mm=rng.uniform(0.8, 3.0),
        lobe_mm=rng.uniform(2, 7),
        edge_mm=rng.uniform(0.8, 3.5),
        thick_mm=rng.uniform(2.5, 13),
        gap_mm=_gap(rng),
    )


def _tophi(region: Region, rng: Rng) -> JointTissue:
    """Chalky clumps in dense tissue, around the ligaments above all."""
    return JointTissue(
        JointTissueKind.TOPHI,
        _spaces(region, _TOPHI, rng),
        fill=_fill(rng),
        hu=rng.uniform(150, 350),
        host_hu=rng.uniform(55, 120),
        mixing=rng.uniform(0.2, 0.8),
        contrast=rng.uniform(0.15, 0.7),
        grain_mm=rng.uniform(0.6, 2.5),
        lobe_mm=rng.uniform(2, 6),
        edge_mm=rng.uniform(0.8, 3.0),
        thick_mm=rng.uniform(2.5, 10),
        gap_mm=_gap(rng),
    )


_MAKERS: dict[JointTissueKind, Callable[[Region, Rng], JointTissue]] = {
    JointTissueKind.BLOOD: _blood,
    JointTissueKind.CONTRAST: _contrast,
    JointTissueKind.SYNOVIUM: _synovium,
    JointTissueKind.TOPHI: _tophi,
}


def _spaces(region: Region, often: Mapping[JointSpace, float], rng: Rng) -> tuple[JointSpace, ...]:
    """The hip, the ankle, or at least one space of the knee."""
    if region is not Region.KNEE:
        return (JointSpace.HIP if region is Region.HIP else JointSpace.ANKLE,)
    one = list(often)[int(rng.integers(len(often)))]
    return tuple(space for space, share in often.items() if rng.random() < share) or (one,)


def _fill(rng: Rng) -> float:
    return 1.0 if rng.random() < _WHOLE else rng.uniform(0.3, 1.0)


def _gap(rng: Rng) -> float:
    """0 where it touches bone, else the thickness of the cartilage under it."""
    return 0.0 if rng.random() < _TOUCHING else rng.uniform(0.8, 2.5)


def _between(low: float, high: float, rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
