"""Named example legs, which the demo and the command line simulate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from afunet.errors import GeometryError
from afunet.phantom.config import (
    Anatomy,
    Fracture,
    FracturePattern,
    Grid,
    Implant,
    ImplantKind,
    LegConfig,
    Pose,
    Scanner,
    Source,
    axial_grid,
)
from afunet.phantom.drawing.joint_tissue import draw_joint_tissue
from afunet.phantom.drawing.regions import Region
from afunet.phantom.skeleton.mesh_bones import load_bones

KNEE_GRID = axial_grid((64, 256, 256), 0.65, 1.6, (100.0, 10.0, 0.0))
"""10 cm around the joint line of a left knee."""

LIMB_GRID = axial_grid((300, 480, 480), 0.9, 3.0, (0.0, 10.0, 95.0))
"""90 cm of both limbs, ankles to iliac crests."""

MARGIN_MM = 45.0


def clean_knee(seed: int = 0, grid: Grid = KNEE_GRID) -> LegConfig:
    """An intact left knee on a table."""
    return LegConfig(seed=seed, grid=grid, scanner=Scanner(noise_hu=16.0))


def fractured_knee(seed: int = 0, grid: Grid = KNEE_GRID) -> LegConfig:
    """A left knee whose tibial plateau is broken into three pieces and three chips."""
    plateau = Fracture(
        "tibia left", centre_mm=-22.0, pieces=3, chips=3, displacement_mm=3.0, seed=seed
    )
    return replace(clean_knee(seed, grid), fractures=(plateau,))


def displaced_plateau(seed: int = 0, grid: Grid = KNEE_GRID) -> LegConfig:
    """A left knee with both condyles of its tibia broken off, up to 5 mm displaced, and two chips.

    The gaps are up to 4 mm wide and filled with blood; a tenth of each fracture surface is closed.
    """
    plateau = Fracture(
        "tibia left",
        centre_mm=-22.0,
        pieces=3,
        chips=2,
        displacement_mm=5.0,
        gap_mm=4.0,
        closed=0.1,
        seed=seed,
        pattern=FracturePattern.PLATEAU_BICONDYLAR,
    )
    return replace(clean_knee(seed, grid), fractures=(plateau,))


def with_screws(leg: LegConfig) -> LegConfig:
    """The same leg with metal screws across its left tibia below the joint."""
    screws = Implant("tibia left", ImplantKind.SCREWS, height_mm=-28.0, seed=leg.seed)
    return replace(leg, implants=(screws,))


def with_joint_tissue(leg: LegConfig) -> LegConfig:
    """The same leg with dense tissue in its knees, drawn from its seed."""
    tissue = draw_joint_tissue(leg.seed, Region.KNEE, leg.anatomy.sides, chance=1.0)
    return replace(leg, soft=replace(leg.soft, joint_tissue=tissue))


def whole_limb(limb_file: Path, seed: int = 0) -> LegConfig:
    """Both limbs of an LLP26 file from pelvis to ankle, 0.9 × 0.9 × 3 mm voxels."""
    anatomy = Anatomy(
        source=Source.LIMB_FILE, path=limb_file, sides=("left", "right"), poses=(Pose(), Pose())
    )
    return LegConfig(seed=seed, grid=LIMB_GRID, anatomy=anatomy)


def leg_of_meshes(
    folder: Path, seed: int = 0, pixel_mm: float = 0.8, step_mm: float = 2.0
) -> LegConfig:
    """A scan of a folder of watertight meshes in LPS mm (see `load_bones`).

    The grid contains all meshes with a margin. Raises `GeometryError` if they are wider than a
    scanner's bore.
    """
    meshes = load_bones(folder).values()
    bounds = np.array([mesh.bounds_mm() for mesh in meshes])  # (bones, low and high, xyz)
    low, high = bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)
    width = float(max(high[0] - low[0], high[1] - low[1])) + 2 * MARGIN_MM
    if width > 700:
        raise GeometryError(
            f"the meshes are {width - 2 * MARGIN_MM:.0f} mm wide, but a scan is at most 610 mm "
            "wide: check that they are in millimetres",
            code="MESH_UNIT",
        )
    slices = int(np.ceil((high[2] - low[2]) / step_mm)) + 2
    pixels = int(np.ceil(width / pixel_mm))
    centre = (low + high) / 2
    grid = axial_grid(
        (slices, pixels, pixels),
        pixel_mm,
        step_mm,
        (float(centre[0]), float(centre[1]), float(centre[2])),
    )
    return LegConfig(seed=seed, grid=grid, anatomy=Anatomy(source=Source.FOLDER, path=folder))
