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
    BoneQuality,
    Cast,
    Grid,
    Implant,
    ImplantKind,
    LegConfig,
    Pose,
    Scanner,
    SoftTissue,
    Source,
    Surroundings,
    TableKind,
    axial_grid,
    grid_of,
)
from afunet.phantom.envelope import Girth
from afunet.phantom.fracture import Fracture
from afunet.phantom.simulate import simulate
from afunet.progress import CancelToken, Progress, silent

Rng = np.random.Generator


class Region(StrEnum):
    """Which part of the limb is scanned."""

    ANKLE = "ankle"
    SHANK = "shank"
    KNEE = "knee"
    THIGH = "thigh"
    HIP = "hip"


_HEIGHTS_MM = {
    Region.ANKLE: (-345.0, -270.0),
    Region.SHANK: (-300.0, -80.0),
    Region.KNEE: (-90.0, 110.0),
    Region.THIGH: (60.0, 340.0),
    Region.HIP: (330.0, 520.0),
}


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
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Iterator[TrainingSlice]:
    """`count` random slices of `size`², `per_leg` widely spaced ones of each random leg.

    Leg number k has the seed `seed + k`, so disjoint ranges of seeds give disjoint legs. With
    LLP26 files every region from pelvis to ankle occurs, without only parametric knees do.
    """
    for first in range(0, count, per_leg):
        leg_seed = seed + first // per_leg
        number = min(per_leg, count - first)
        config = draw_leg(leg_seed, limb_files=limb_files, size=size, slices=per_leg)
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
) -> LegConfig:
    """A random leg: bones, tissue, fracture, metal, table, scanner, all drawn from the seed.

    Without LLP26 files the bones are parametric and the region is the knee. Slices are drawn
    `slices` in number, spread over the region with gaps; `grid` fixes the grid instead.
    """
    rng = np.random.default_rng([seed, 2])
    if region is None:
        region = Region(rng.choice(list(Region), p=[0.1, 0.16, 0.38, 0.16, 0.2]))
    parametric = not limb_files or (region is Region.KNEE and rng.random() < 0.4)
    region = Region.KNEE if parametric else region
    anatomy = _anatomy(parametric, region, limb_files, rng)
    drawn = _grid(region, anatomy, size, slices, rng)
    config = LegConfig(
        seed=seed,
        grid=drawn if grid is None else grid,
        anatomy=anatomy,
        bone=_bone(rng),
        soft=_soft(rng),
        surroundings=_surroundings(anatomy.sides, rng),
        scanner=_scanner(rng),
    )
    return _with_damage(config, region, rng)


def _anatomy(parametric: bool, region: Region, limb_files: Sequence[Path], rng: Rng) -> Anatomy:
    both = region is Region.HIP or rng.random() < 0.35
    sides = ("left", "right") if both else (str(rng.choice(["left", "right"])),)
    turn = 5.0 if region is Region.HIP else 16.0
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
        cartilage_mm=rng.uniform(1.2, 3.5),
        surface_step_mm=1.0,
    )


def _grid(region: Region, anatomy: Anatomy, size: int, slices: int, rng: Rng) -> Grid:
    low, high = (anatomy.scale * height for height in _HEIGHTS_MM[region])
    length = min(high - low, rng.uniform(90, 180))
    start = rng.uniform(low, high - length)
    both = len(anatomy.sides) == 2
    if region is Region.HIP:
        field, middle = rng.uniform(380, 500), 0.0
    elif both and rng.random() < 0.8:
        field, middle = rng.uniform(330, 480), rng.normal(0, 15)
    else:
        field, middle = rng.uniform(165, 330), _limb_x(anatomy, start + length / 2)
    height = start + length / 2
    behind = rng.normal(15, 10) + _limb_y(anatomy, height)
    centre = (middle + rng.normal(0, 0.03) * field, behind, height)
    straight = axial_grid((slices, size, size), field / size, length / slices, centre)
    tilt = 0.0 if region is Region.HIP or rng.random() < 0.5 else rng.normal(0, 7)
    return _tilted(straight, tilt, centre)


def _tilted(grid: Grid, degrees: float, centre_mm: tuple[float, float, float]) -> Grid:
    """The grid turned about the left-right axis through its centre."""
    turn, centre = np.eye(4), np.array(centre_mm)
    turn[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    return grid_of(turn @ grid.matrix(), grid.shape)


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


def _bone(rng: Rng) -> BoneQuality:
    density = float(np.exp(rng.normal(-0.1, 0.38)))
    return BoneQuality(
        density=float(np.clip(density, 0.3, 1.35)),
        cortex=float(np.clip(density**0.7 * np.exp(rng.normal(-0.1, 0.2)), 0.35, 1.4)),
        cortex_hu=rng.uniform(1250, 1850),
        marrow_hu=rng.uniform(-80, 30),
        trabecula_mm=rng.uniform(1.2, 2.4),
        contrast=rng.uniform(0.15, 0.9),
        sclerosis_hu=rng.uniform(30, 330),
        scar_hu=rng.uniform(0, 220) * float(rng.random() < 0.6),
        cysts=int(rng.integers(1, 4)) if rng.random() < 0.12 else 0,
        tunnel=bool(rng.random() < 0.06),
    )


def _soft(rng: Rng) -> SoftTissue:
    contrast = rng.random() < 0.12
    return SoftTissue(
        girth=Girth(
            muscle=rng.uniform(0.84, 1.2),
            fat_mm=float(np.exp(rng.uniform(np.log(3), np.log(32)))),
            unevenness=rng.uniform(0.02, 0.07),
        ),
        muscle_hu=rng.uniform(46, 68),
        fat_hu=rng.uniform(-115, -85),
        skin_hu=rng.uniform(10, 60),
        septa=rng.uniform(0.05, 0.8),
        infiltration=float(0.7 * rng.beta(1.0, 5)),
        effusion=rng.uniform(0.2, 1.0) if rng.random() < 0.3 else 0.0,
        haze=rng.uniform(0.3, 1.0) if rng.random() < 0.3 else rng.uniform(0, 0.2),
        vessel_hu=rng.uniform(180, 420) if contrast else rng.uniform(38, 55),
        calcified=bool(rng.random() < 0.15),
        gas=bool(rng.random() < 0.03),
        flattened_mm=float(rng.choice([0.0, 3.0, 8.0, 14.0])),
    )


def _surroundings(sides: tuple[str, ...], rng: Rng) -> Surroundings:
    cast = None
    if len(sides) == 1 and rng.random() < 0.2:
        cast = Cast(
            hu=rng.uniform(100, 900),
            gap_mm=rng.uniform(3, 14),
            thickness_mm=rng.uniform(1.8, 7),
            arc=float(rng.choice([1.0, 0.55, 0.4])),
            dashes=int(rng.choice([0, 0, 14, 26])),
            padding_hu=rng.uniform(-990, -780),
        )
    return Surroundings(
        table=TableKind(rng.choice(list(TableKind), p=[0.15, 0.3, 0.25, 0.1, 0.2])),
        table_hu=rng.uniform(-200, 700),
        table_gap_mm=rng.uniform(2, 60),
        curvature_per_mm=rng.uniform(-0.0003, 0.0035),
        shell_mm=rng.uniform(0.8, 3.5),
        foam_hu=rng.uniform(-995, -880),
        cast=cast,
        sheets=int(rng.choice([0, 0, 1, 2])),
        objects=int(rng.choice([0, 0, 0, 1, 3])),
    )


def _scanner(rng: Rng) -> Scanner:
    sharp = rng.random() < 0.45
    return Scanner(
        thickness_mm=float(rng.choice([0.6, 1.0, 1.25, 2.0, 3.0, 5.0])),
        psf_mm=rng.uniform(0.45, 0.8) if sharp else rng.uniform(0.7, 1.3),
        sharpness=rng.uniform(0.3, 1.2) if sharp else rng.uniform(0, 0.3),
        noise_hu=rng.uniform(15, 45) if sharp else rng.uniform(5, 24),
        grain_mm=rng.uniform(0.4, 0.8) if sharp else rng.uniform(0.7, 1.6),
        shading_hu=rng.uniform(0, 8),
        streaks=rng.uniform(0.3, 1.6),
        round_field=bool(rng.random() < 0.2),
    )


def _with_damage(config: LegConfig, region: Region, rng: Rng) -> LegConfig:
    side = config.anatomy.sides[0]
    bone, low, high = _target(region, side, rng)
    origin = config.grid.matrix()[2, 3]
    top = origin + config.grid.matrix()[2, 2] * (config.grid.shape[0] - 1)
    low, high = max(low, origin), min(high, top)
    if low >= high:
        return config
    if rng.random() < 0.28:
        config = replace(config, fractures=(_fracture(bone, rng.uniform(low, high), rng),))
    if rng.random() < 0.12:
        kind = ImplantKind(rng.choice(list(ImplantKind)))
        height = rng.uniform(low, high)
        implant = Implant(bone, kind, height, rng.uniform(3000, 9000), int(rng.integers(1 << 30)))
        config = replace(config, implants=(implant,))
    return config


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
