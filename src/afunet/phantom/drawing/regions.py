"""The regions of a leg that scans show, and drawing a field of view in a region."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy.spatial.transform import Rotation

from afunet.phantom.config import Anatomy, Grid, Source, axial_grid, grid_of
from afunet.phantom.shapes.arrays import Rng
from afunet.phantom.shapes.placing import turn_about


class Region(StrEnum):
    """The part of the limb that is scanned."""

    ANKLE = "ankle"
    SHANK = "shank"
    KNEE = "knee"
    THIGH = "thigh"
    HIP = "hip"
    TRUNK = "trunk"


SHARES = {
    Region.ANKLE: 0.11,
    Region.SHANK: 0.16,
    Region.KNEE: 0.27,
    Region.THIGH: 0.16,
    Region.HIP: 0.22,
    Region.TRUNK: 0.08,
}
HEIGHTS_MM = {
    Region.ANKLE: (-345.0, -270.0),
    Region.SHANK: (-300.0, -80.0),
    Region.KNEE: (-90.0, 110.0),
    Region.THIGH: (60.0, 340.0),
    Region.HIP: (330.0, 550.0),
    # From just below the iliac crest, where the pelvis ends at the sides, up to the kidneys.
    Region.TRUNK: (515.0, 665.0),
}
TRUNK = (Region.HIP, Region.TRUNK)

_LENGTHS_MM = (90, 180)
"""The share of a region that a scan covers."""
# Probability of a narrow field beside the spine, and of a field with both legs if there are two.
_ASIDE_OF_TRUNK, _ASIDE_OF_HIP, _BOTH_THIGHS, _BOTH_LEGS = 0.55, 0.2, 0.5, 0.8
# Ankle, knee and hip of the mean LLP26 limb: height, distance behind the knee, and across.
_HEIGHTS_OF_JOINTS_MM, _JOINTS_BEHIND_MM = (-370, 0, 430), (45, 0, -20)
_KNEE_X_MM, _HIP_X_MM, _THIGH_MM = 43, 90, 400


def draw_region_of(anatomy: Anatomy, rng: Rng) -> Region:
    """A random region that contains bones of the leg."""
    if anatomy.source is Source.PARAMETRIC:
        return Region.KNEE
    regions = [region for region in Region if (region in TRUNK) == anatomy.spine]
    return regions[int(rng.integers(len(regions)))]


def draw_grid(region: Region, anatomy: Anatomy, size: int, slices: int, rng: Rng) -> Grid:
    """A random field of view of `size`² pixels and `slices` slices in a region."""
    low, high = (anatomy.scale * height for height in HEIGHTS_MM[region])
    length = min(high - low, rng.uniform(*_LENGTHS_MM))
    start = low + rng.random() * max(high - low - length, 0.0)
    both = len(anatomy.sides) == 2
    if region in TRUNK:
        field, middle = rng.uniform(380, 500), 0.0
        if rng.random() < (_ASIDE_OF_TRUNK if region is Region.TRUNK else _ASIDE_OF_HIP):
            field, middle = rng.uniform(140, 240), rng.choice([-1.0, 1.0]) * rng.uniform(90, 140)
    elif both and rng.random() < (_BOTH_THIGHS if region is Region.THIGH else _BOTH_LEGS):
        field, middle = rng.uniform(330, 480), rng.normal(0, 15)
    else:
        field, middle = rng.uniform(165, 330), limb_x(anatomy, start + length / 2)
    height = start + length / 2
    behind = rng.normal(15, 10) + limb_y(anatomy, height)
    if region is Region.TRUNK:
        behind = rng.normal(-40, 10)
    centre = (middle + rng.normal(0, 0.03) * field, behind, height)
    straight = axial_grid((slices, size, size), field / size, length / slices, centre)
    tilt = 0.0 if region in TRUNK or rng.random() < 0.5 else rng.normal(0, 7)
    about = turn_about(np.array(centre), Rotation.from_euler("x", tilt, degrees=True))
    return grid_of(about @ straight.matrix(), straight.shape)


def limb_y(anatomy: Anatomy, height_mm: float) -> float:
    """How far the bones lie behind the knee at a height, mm."""
    bend = np.tan(np.deg2rad(anatomy.poses[0].flexion_deg))
    shank = max(-height_mm, 0.0) * bend
    if anatomy.source is Source.PARAMETRIC:
        return float(shank)
    return float(shank + np.interp(height_mm, _HEIGHTS_OF_JOINTS_MM, _JOINTS_BEHIND_MM))


def limb_x(anatomy: Anatomy, height_mm: float) -> float:
    """The x position of the first leg of an anatomy at a height, mm."""
    outward = 1.0 if anatomy.sides[0] == "left" else -1.0
    if anatomy.source is Source.PARAMETRIC:
        return outward * anatomy.knees_apart_mm / 2
    spread = _KNEE_X_MM + _THIGH_MM * np.sin(np.deg2rad(anatomy.poses[0].abduction_deg))
    return outward * float(np.interp(height_mm, _HEIGHTS_OF_JOINTS_MM[1:], (spread, _HIP_X_MM)))
