"""Drawing random legs that vary as widely as real patients and scanners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from afunet.phantom.config import Anatomy, Foot, Grid, LegConfig, Pose, Source
from afunet.phantom.drawing.damage import BROKEN, damaged
from afunet.phantom.drawing.joint_tissue import draw_joint_tissue
from afunet.phantom.drawing.regions import SHARES, TRUNK, Region, draw_grid, draw_region_of
from afunet.phantom.drawing.setting import draw_scanner, draw_surroundings
from afunet.phantom.drawing.tissue import draw_bone, draw_clutter_of, draw_organs, draw_soft
from afunet.phantom.shapes.arrays import Rng
from afunet.phantom.shapes.streams import Stream

PARAMETRIC = 0.4
"""Share of the knees that are parametric if there are limb files."""
BOTH_THIGHS, BOTH_LEGS = 0.8, 0.35
"""Share of the scans with both legs."""


def draw_leg(
    seed: int,
    region: Region | None = None,
    limb_files: Sequence[Path] = (),
    size: int = 512,
    slices: int = 16,
    grid: Grid | None = None,
    broken: float = BROKEN,
    joint_tissue: float | None = None,
    foot_files: Sequence[Path] = (),
) -> LegConfig:
    """A random leg: bones, tissue, fracture, metal, table, scanner, all drawn from the seed.

    Without LLP26 files, the bones are parametric and the region is the knee. There are `slices`
    slices, spread over the region with gaps, unless `grid` gives the grid. `broken` is the
    probability of a fracture; a trunk never has one. `joint_tissue` is the probability of dense
    tissue in a knee, hip or ankle; None means that of the region. `foot_files` give the legs of
    LLP26 files feet, and the region of the ankle then reaches down to the sole.
    """
    rng = Stream.LEG.of(seed)
    if region is None:
        region = Region(rng.choice(list(SHARES), p=list(SHARES.values())))
    parametric = not limb_files or (region is Region.KNEE and rng.random() < PARAMETRIC)
    region = Region.KNEE if parametric else region
    anatomy = _anatomy(parametric, region, limb_files, rng)
    feet = () if parametric else _feet(foot_files, len(anatomy.sides), Stream.FEET.of(seed))
    drawn = draw_grid(region, anatomy, size, slices, rng, feet=bool(feet))
    trunk = region in TRUNK
    soft = replace(
        draw_soft(rng),
        joint_tissue=draw_joint_tissue(seed, region, anatomy.sides, joint_tissue),
    )
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
        feet=feet,
    )
    return config if region is Region.TRUNK else damaged(config, region, broken, rng)


def draw_scans(
    seed: int,
    count: int,
    limb_files: Sequence[Path] = (),
    size: int = 512,
    slices: int = 16,
    broken: float = BROKEN,
) -> list[LegConfig]:
    """`count` random scans of one random leg with different fields of view, fractures and metal.

    Bones, pose and tissue are those of `draw_leg` with the same seed, which gives the first scan.
    """
    first = draw_leg(seed, None, limb_files, size, slices, broken=broken)
    rng = Stream.SCANS.of(seed)
    scans = [first]
    for _ in range(count - 1):
        region = draw_region_of(first.anatomy, rng)
        grid = draw_grid(region, first.anatomy, size, slices, rng)
        scan = replace(first, grid=grid, fractures=(), implants=())
        scans.append(scan if region is Region.TRUNK else damaged(scan, region, broken, rng))
    return scans


def _feet(files: Sequence[Path], count: int, rng: Rng) -> tuple[Foot, ...]:
    """Feet of one person, each with its own pose; none without files.

    The feet of the file point down by about 45 degrees.
    """
    if not files:
        return ()
    path = files[int(rng.integers(len(files)))]
    model, size = str(rng.choice(["Left", "Right"])), rng.uniform(0.92, 1.08)
    return tuple(
        Foot(path, model, size, rng.uniform(-45, 5), rng.normal(0, 7)) for _ in range(count)
    )


def _anatomy(parametric: bool, region: Region, limb_files: Sequence[Path], rng: Rng) -> Anatomy:
    trunk = region in TRUNK
    # Near the trunk, a single leg would look like an amputation.
    both = trunk or rng.random() < (BOTH_THIGHS if region is Region.THIGH else BOTH_LEGS)
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
