"""Drawing legs at random, as widely as scanners and patients differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.phantom.config import (
    Anatomy,
    Fracture,
    Grid,
    Implant,
    ImplantKind,
    LegConfig,
    Pose,
    Source,
    axial_grid,
    grid_of,
)
from afunet.phantom.drawing.setting import draw_scanner, draw_surroundings
from afunet.phantom.drawing.tissue import draw_bone, draw_clutter_of, draw_organs, draw_soft
from afunet.phantom.picture.simulate import simulate
from afunet.phantom.shapes.arrays import Rng
from afunet.phantom.shapes.placing import turn_about
from afunet.progress import CancelToken, Progress, silent

BROKEN = 0.28
"""Share of random legs with a fracture."""


class Region(StrEnum):
    """Which part of the limb is scanned."""

    ANKLE = "ankle"
    SHANK = "shank"
    KNEE = "knee"
    THIGH = "thigh"
    HIP = "hip"
    TRUNK = "trunk"


_SHARES = {
    Region.ANKLE: 0.11,
    Region.SHANK: 0.16,
    Region.KNEE: 0.27,
    Region.THIGH: 0.16,
    Region.HIP: 0.22,
    Region.TRUNK: 0.08,
}
_HEIGHTS_MM = {
    Region.ANKLE: (-345.0, -270.0),
    Region.SHANK: (-300.0, -80.0),
    Region.KNEE: (-90.0, 110.0),
    Region.THIGH: (60.0, 340.0),
    Region.HIP: (330.0, 550.0),
    # From below the iliac crest, where bone ends at the sides, to the kidneys.
    Region.TRUNK: (515.0, 665.0),
}
_TRUNK = (Region.HIP, Region.TRUNK)


@dataclass(frozen=True, eq=False)
class TrainingSlice:
    """One axial slice: HU (rows, columns) int16, bone mask (rows, columns) uint8 0/1."""

    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]
    spacing_mm: float
    height_mm: float
    seed: int


def training_slices(
    seed: int,
    count: int,
    limb_files: Sequence[Path] = (),
    size: int = 512,
    per_leg: int = 16,
    regions: Sequence[Region] = (),
    broken: float = BROKEN,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Iterator[TrainingSlice]:
    """`count` random slices of `size`², `per_leg` widely spaced ones of each random leg.

    Leg number k has the seed `seed + k`, so disjoint ranges of seeds give disjoint legs. With
    LLP26 files every region from the lumbar spine to the ankle occurs, or `regions` in turn;
    without only parametric knees do. Of a trunk some slices beside the spine hold no bone.
    """
    for first in range(0, count, per_leg):
        leg_seed = seed + first // per_leg
        number = min(per_leg, count - first)
        region = regions[first // per_leg % len(regions)] if regions else None
        config = draw_leg(leg_seed, region, limb_files, size, per_leg, broken=broken)
        leg = simulate(config, cancel=cancel)
        spacing = float(leg.volume.spacing_mm[0])
        for index in range(number):
            progress("training slices", first + index, count)
            yield TrainingSlice(
                leg.volume.voxels[index],
                (leg.bones.volume.voxels[index] != 0).astype(np.uint8),
                spacing,
                float(leg.volume.to_mm((0, 0, index))[2]),
                leg_seed,
            )


def draw_leg(
    seed: int,
    region: Region | None = None,
    limb_files: Sequence[Path] = (),
    size: int = 512,
    slices: int = 16,
    grid: Grid | None = None,
    broken: float = BROKEN,
) -> LegConfig:
    """A random leg: bones, tissue, fracture, metal, table, scanner, all drawn from the seed.

    Without LLP26 files the bones are parametric and the region is the knee. Slices are drawn
    `slices` in number, spread over the region with gaps; `grid` fixes the grid instead. `broken`
    is the chance of a fracture, which a trunk never has.
    """
    rng = np.random.default_rng([seed, 2])
    if region is None:
        region = Region(rng.choice(list(_SHARES), p=list(_SHARES.values())))
    parametric = not limb_files or (region is Region.KNEE and rng.random() < 0.4)
    region = Region.KNEE if parametric else region
    anatomy = _anatomy(parametric, region, limb_files, rng)
    drawn = _grid(region, anatomy, size, slices, rng)
    trunk = region in _TRUNK
    soft = draw_soft(rng)
    config = LegConfig(
        seed=seed,
        grid=drawn if grid is None else grid,
        anatomy=anatomy,
        bone=draw_bone(rng),
        soft=soft,
        organs=draw_organs(soft, rng) if trunk else None,
        clutter=draw_clutter_of(trunk, rng),
        surroundings=draw_surroundings(anatomy.sides, trunk, rng),
        scanner=draw_scanner(rng),
    )
    return config if region is Region.TRUNK else _with_damage(config, region, broken, rng)


def draw_scans(
    seed: int,
    count: int,
    limb_files: Sequence[Path] = (),
    size: int = 512,
    slices: int = 16,
    broken: float = BROKEN,
) -> list[LegConfig]:
    """`count` random scans of one random leg: other fields of view, fractures and metal.

    Bones, pose and tissue are those of `draw_leg` with the same seed, whose scan is the first.
    """
    first = draw_leg(seed, None, limb_files, size, slices, broken=broken)
    rng = np.random.default_rng([seed, 41])
    scans = [first]
    for _ in range(count - 1):
        region = _region_of(first.anatomy, rng)
        grid = _grid(region, first.anatomy, size, slices, rng)
        scan = replace(first, grid=grid, fractures=(), implants=())
        scans.append(scan if region is Region.TRUNK else _with_damage(scan, region, broken, rng))
    return scans


def _region_of(anatomy: Anatomy, rng: Rng) -> Region:
    """A region that the bones of a leg reach to."""
    if anatomy.source is Source.PARAMETRIC:
        return Region.KNEE
    regions = [region for region in Region if (region in _TRUNK) == anatomy.spine]
    return regions[int(rng.integers(len(regions)))]


def _anatomy(parametric: bool, region: Region, limb_files: Sequence[Path], rng: Rng) -> Anatomy:
    trunk = region in _TRUNK
    # Where the trunk is near, a leg without its neighbour would be an amputee's.
    both = trunk or rng.random() < (0.8 if region is Region.THIGH else 0.35)
    first, second = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    sides = (first, second) if both else (first,)
    turn = 5.0 if trunk else 16.0
    poses = tuple(Pose(rng.normal(8, turn), rng.uniform(-2, 9), rng.uniform(2, 7)) for _ in sides)
    return Anatomy(
        source=Source.PARAMETRIC if parametric else Source.LIMB_FILE,
        path=None if parametric else limb_files[int(rng.integers(len(limb_files)))],
        sides=sides,
        poses=poses,
        scale=rng.uniform(0.86, 1.14),
        stretch=(rng.uniform(0.94, 1.06), rng.uniform(0.94, 1.06), 1.0),
        warp_mm=rng.uniform(0.3, 2.2),
        knees_apart_mm=rng.uniform(140, 230),
        cartilage_mm=rng.uniform(1.6, 4.2) if trunk else rng.uniform(1.2, 3.5),
        surface_step_mm=1.3 if trunk else 1.0,
        spine=trunk,
    )


def _grid(region: Region, anatomy: Anatomy, size: int, slices: int, rng: Rng) -> Grid:
    low, high = (anatomy.scale * height for height in _HEIGHTS_MM[region])
    length = min(high - low, rng.uniform(90, 180))
    start = low + rng.random() * max(high - low - length, 0.0)
    both = len(anatomy.sides) == 2
    if region in _TRUNK:
        field, middle = rng.uniform(380, 500), 0.0
        if rng.random() < (0.55 if region is Region.TRUNK else 0.2):
            field, middle = rng.uniform(140, 240), rng.choice([-1.0, 1.0]) * rng.uniform(90, 140)
    elif both and rng.random() < (0.5 if region is Region.THIGH else 0.8):
        field, middle = rng.uniform(330, 480), rng.normal(0, 15)
    else:
        field, middle = rng.uniform(165, 330), _limb_x(anatomy, start + length / 2)
    height = start + length / 2
    behind = rng.normal(15, 10) + _limb_y(anatomy, height)
    if region is Region.TRUNK:
        behind = rng.normal(-40, 10)
    centre = (middle + rng.normal(0, 0.03) * field, behind, height)
    straight = axial_grid((slices, size, size), field / size, length / slices, centre)
    tilt = 0.0 if region in _TRUNK or rng.random() < 0.5 else rng.normal(0, 7)
    about = turn_about(np.array(centre), Rotation.from_euler("x", tilt, degrees=True))
    return grid_of(about @ straight.matrix(), straight.shape)


def _limb_y(anatomy: Anatomy, height_mm: float) -> float:
    """How far behind the knee the bones lie at a height."""
    bend = np.tan(np.deg2rad(anatomy.poses[0].flexion_deg))
    shank = max(-height_mm, 0.0) * bend
    if anatomy.source is Source.PARAMETRIC:
        return float(shank)
    return float(shank + np.interp(height_mm, (-370, 0, 430), (45, 0, -20)))


def _limb_x(anatomy: Anatomy, height_mm: float) -> float:
    outward = 1.0 if anatomy.sides[0] == "left" else -1.0
    if anatomy.source is Source.PARAMETRIC:
        return outward * anatomy.knees_apart_mm / 2
    spread = 43 + 400 * np.sin(np.deg2rad(anatomy.poses[0].abduction_deg))
    return outward * float(np.interp(height_mm, (0, 430), (spread, 90)))


def _with_damage(config: LegConfig, region: Region, broken: float, rng: Rng) -> LegConfig:
    bone, low, high = _target(region, _side_in_view(config), rng)
    origin = config.grid.matrix()[2, 3]
    top = origin + config.grid.matrix()[2, 2] * (config.grid.shape[0] - 1)
    low, high = max(low, origin), min(high, top)
    if low >= high:
        return config
    if rng.random() < broken:
        config = replace(config, fractures=(_fracture(bone, rng.uniform(low, high), rng),))
    if rng.random() < 0.12:
        kind = ImplantKind(rng.choice(list(ImplantKind)))
        height = rng.uniform(low, high)
        implant = Implant(bone, kind, height, rng.uniform(3000, 9000), int(rng.integers(1 << 30)))
        config = replace(config, implants=(implant,))
    return config


def _side_in_view(config: LegConfig) -> str:
    """The first of the legs, or the other one where a narrow field of view misses the first."""
    sides, grid = config.anatomy.sides, config.grid
    corners = grid.matrix()[0, 3] + grid.matrix()[0, 0] * np.array([0, grid.shape[2] - 1])
    middle = grid.matrix()[2, 3] + grid.matrix()[2, 2] * (grid.shape[0] - 1) / 2
    missed = not corners.min() < _limb_x(config.anatomy, middle) < corners.max()
    return sides[1] if missed and len(sides) > 1 else sides[0]


def _target(region: Region, side: str, rng: Rng) -> tuple[str, float, float]:
    """A bone that the region shows, and between which heights."""
    if region is Region.HIP:
        return f"femur {side}", 330.0, 420.0
    if region is Region.THIGH:
        return f"femur {side}", 60.0, 340.0
    if region is Region.KNEE:
        places = [("femur", 10.0, 60.0), ("tibia", -60.0, -5.0), ("patella", 20.0, 50.0)]
        kind, low, high = places[int(rng.choice(3, p=[0.35, 0.5, 0.15]))]
        return f"{kind} {side}", low, high
    return f"{rng.choice(['tibia', 'fibula'])} {side}", -340.0, -60.0


def _fracture(bone: str, height_mm: float, rng: Rng) -> Fracture:
    return Fracture(
        bone=bone,
        centre_mm=height_mm,
        pieces=int(rng.integers(2, 5)),
        chips=int(rng.integers(0, 4)),
        displacement_mm=rng.uniform(0.5, 6),
        tilt_deg=rng.uniform(0, 8),
        gap_mm=rng.uniform(0.2, 1.6),
        roughness_mm=rng.uniform(0.3, 2.5),
        seed=int(rng.integers(1 << 30)),
    )
