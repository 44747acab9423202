"""Simulated legs for the measuring of flags: clean ones, and the same with one thing wrong.

Shared by `trust.py` (which measures) and whoever sets a threshold; the seeds must differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.geometry import Volume
from afunet.phantom import (
    Clutter,
    Grid,
    Implant,
    ImplantKind,
    LegConfig,
    Region,
    axial_grid,
    draw_leg,
    simulate,
)

TUNING_SEED, REPORTED_SEED = 310_000, 320_000
REGIONS = (Region.KNEE, Region.SHANK, Region.KNEE, Region.THIGH, Region.KNEE, Region.ANKLE)
PIXELS, SLICES = 232, 16


@dataclass(frozen=True, eq=False)
class TrueCase:
    """A scan in HU and its exact mask, 0/1, on one grid."""

    scan: Volume
    truth: Volume


def drawn_legs(first_seed: int, legs: int, limbs: Sequence[Path]) -> list[LegConfig]:
    """So many single legs without metal, regions in turn, as widely drawn as those trained on."""
    chosen: list[LegConfig] = []
    seeds = count(first_seed)
    for region in islice((region for _ in count() for region in REGIONS), legs):
        while True:
            config = draw_leg(next(seeds), region, limbs)
            if len(config.anatomy.sides) == 1:
                break
        grid = _small_grid(config)
        low, high = (grid.matrix()[2] @ [0, 0, index, 1] for index in (0, SLICES - 1))
        seen = tuple(one for one in config.fractures if low < one.centre_mm < high)
        config = replace(config, clutter=_without_metal(config.clutter))
        chosen.append(replace(config, grid=grid, fractures=seen, implants=()))
    return chosen


def _without_metal(clutter: Clutter | None) -> Clutter | None:
    return clutter and replace(clutter, clips=0, staples=0, electrodes=0)


def _small_grid(config: LegConfig) -> Grid:
    """Slices without gaps in the middle of what was drawn, the leg whole in the field."""
    rng = np.random.default_rng([config.seed, 5])
    step_mm, pixel_mm = float(rng.choice([1.0, 1.5, 2.0, 3.0])), rng.uniform(0.78, 0.92)
    return axial_grid((SLICES, PIXELS, PIXELS), pixel_mm, step_mm, middle_of(config.grid))


def case_of(config: LegConfig) -> TrueCase:
    """The leg as drawn."""
    leg = simulate(config)
    return TrueCase(leg.volume, leg.bones.foreground())


def with_metal(config: LegConfig) -> LegConfig:
    """Screws or a plate in the bone that fills most of the field."""
    bone, height_mm = _largest_bone(config)
    kind = (ImplantKind.SCREWS, ImplantKind.PLATE)[config.seed % 2]
    return replace(config, implants=(Implant(bone, kind, height_mm, 6000.0, config.seed),))


def noisier(hu: float) -> Callable[[LegConfig], LegConfig]:
    """The leg with so much more noise than a scanner gives."""
    return lambda config: replace(config, scanner=replace(config.scanner, noise_hu=hu))


def faint(config: LegConfig) -> LegConfig:
    """The leg with next to no mineral in its bones."""
    bone = replace(config.bone, density=0.12, cortex=0.4, cortex_hu=850.0, end_loss=0.7)
    return replace(config, bone=bone)


def left_over(slices: int, missing: int) -> NDArray[np.int64]:
    """Which slices stay when so many are taken out behind the middle."""
    middle = slices // 2
    return np.delete(np.arange(slices), np.arange(middle, middle + missing))


def without_slices(volume: Volume, missing: int) -> Volume:
    """The rest put together as if nothing were missing."""
    kept = volume.voxels[left_over(len(volume.voxels), missing)]
    return Volume(np.ascontiguousarray(kept), volume.affine)


def field_cut(case: TrueCase) -> TrueCase:
    """The field of view ends in the middle of the bone's columns."""
    columns = np.flatnonzero(case.truth.voxels.any(axis=(0, 1)))
    end = int((columns[0] + columns[-1]) // 2) + 1
    return TrueCase(_left_of(case.scan, end), _left_of(case.truth, end))


def rescaled(case: TrueCase, slope: float, intercept: float) -> TrueCase:
    """HU as a wrong rescale gives them: stored values times `slope`, and `intercept` added."""
    hu = np.clip((case.scan.voxels + 1024.0) * slope - 1024 + intercept, -1024, 3071)
    return TrueCase(case.scan.with_voxels(hu.astype(np.int16)), case.truth)


def _left_of(volume: Volume, column: int) -> Volume:
    return Volume(np.ascontiguousarray(volume.voxels[:, :, :column]), volume.affine)


def _largest_bone(config: LegConfig) -> tuple[str, float]:
    """Name of the bone with most voxels in view, and a height in its frame that is in view."""
    centre_mm = middle_of(config.grid)
    small = axial_grid((3, 58, 58), 3.4, 10.0, centre_mm)
    leg = simulate(replace(config, grid=small))
    sizes = np.bincount(leg.bones.volume.voxels.ravel(), minlength=len(leg.bones.names) + 1)
    sizes[0] = 0
    name = leg.bones.names[int(sizes.argmax())]
    return name, centre_mm[2]


def middle_of(grid: Grid) -> tuple[float, float, float]:
    """The middle of its voxels in LPS mm."""
    slices, rows, columns = grid.shape
    x, y, z = grid.matrix()[:3] @ [(columns - 1) / 2, (rows - 1) / 2, (slices - 1) / 2, 1]
    return float(x), float(y), float(z)


SIMULATED: Mapping[str, Callable[[LegConfig], LegConfig]] = {
    "metal added": with_metal,
    "noise of 70 HU": noisier(70.0),
    "noise of 140 HU": noisier(140.0),
    "bone with next to no mineral": faint,
}
CHANGED: Mapping[str, Callable[[TrueCase], TrueCase]] = {
    "field cut": field_cut,
    "150 HU too high": lambda case: rescaled(case, 1.0, 150.0),
    "rescale slope 1.2": lambda case: rescaled(case, 1.2, 0.0),
}
DROPPED: Mapping[str, int] = {"1 slice dropped": 1, "3 slices dropped": 3}
EXPECTED: Mapping[str, str] = {
    "metal added": "METAL",
    "1 slice dropped": "SLICE_DROPPED",
    "3 slices dropped": "SLICE_DROPPED",
    "field cut": "BONE_CUT",
    "noise of 70 HU": "NOISE",
    "noise of 140 HU": "NOISE",
    "150 HU too high": "HU_IMPLAUSIBLE",
    "rescale slope 1.2": "HU_IMPLAUSIBLE",
    "bone with next to no mineral": "LOW_DENSITY",
}
