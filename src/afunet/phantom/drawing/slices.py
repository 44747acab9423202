"""Single slices of many random legs for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.phantom.drawing.damage import BROKEN
from afunet.phantom.drawing.legs import draw_leg
from afunet.phantom.drawing.regions import Region
from afunet.phantom.picture.simulate import simulate
from afunet.watch import UNWATCHED, Watch


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
    joint_tissue: float | None = None,
    foot_files: Sequence[Path] = (),
    watch: Watch = UNWATCHED,
) -> Iterator[TrainingSlice]:
    """`count` random slices of `size`² pixels, `per_leg` widely spaced ones of each random leg.

    Leg number k has the seed `seed + k`, so disjoint ranges of seeds give disjoint legs. With
    LLP26 files, all regions from the lumbar spine to the ankle occur, or `regions` in turn;
    without them, only parametric knees. `foot_files` give their legs feet. Some trunk slices beside
    the spine contain no bone.
    """
    for first in range(0, count, per_leg):
        leg_seed = seed + first // per_leg
        number = min(per_leg, count - first)
        region = regions[first // per_leg % len(regions)] if regions else None
        config = draw_leg(
            leg_seed,
            region,
            limb_files,
            size,
            per_leg,
            broken=broken,
            joint_tissue=joint_tissue,
            foot_files=foot_files,
        )
        leg = simulate(config, watch=watch.silenced())
        spacing = float(leg.volume.spacing_mm[0])
        for index in range(number):
            watch.tell("training slices", first + index, count)
            yield TrainingSlice(
                leg.volume.voxels[index],
                (leg.bones.volume.voxels[index] != 0).astype(np.uint8),
                spacing,
                float(leg.volume.to_mm((0, 0, index))[2]),
                leg_seed,
            )
