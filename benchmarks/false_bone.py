"""Dense tissue of a joint painted as bone: how much, by kind of tissue.

    .venv/bin/python -m benchmarks.false_bone [--weights FILE ...] [--knees 8] [--first-seed 700000]

Random knees, parametric or of shapes that no training saw, drawn as widely as those trained on but
without implants, cast and other contrast medium in the joint, from seeds that nothing was tuned on.
Each holds dense tissue of one kind (tophi, synovium, contrast medium, blood in turn), which is no
bone, and is simulated again without it. Both go the way of `afunet segment`, clean-up included.

Prints for each network and knee, and as means for each kind: the tissue's volume, how much of it is
painted as bone, as volume and as share, which share of the same voxels is painted without the
tissue, and Dice of the knee and of its worst slice, with and without the tissue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from afunet.evaluation.overlap import count, dice
from afunet.geometry import Volume
from afunet.models.shipped import shipped_path
from afunet.phantom import (
    SIMULATOR,
    JointTissueKind,
    LegConfig,
    Region,
    SimulatedLeg,
    axial_grid,
    draw_leg,
    exact_joint_tissue,
    simulate,
)
from afunet.phantom.drawing.joint_tissue import draw_joint_tissue
from afunet.phantom.drawing.regions import limb_x
from benchmarks.bench import UNSEEN_LIMBS, Network, llp26, parser_of, print_heading, print_row

FIRST_SEED = 700_000
SHAPE, PIXEL_MM, STEP_MM = (8, 288, 288), 0.6, 10.0
MIDDLE_MM = (8.0, 14.0)
"""LPS y and z of the field's middle, between the condyles."""
KINDS = (
    JointTissueKind.TOPHI,
    JointTissueKind.SYNOVIUM,
    JointTissueKind.CONTRAST,
    JointTissueKind.BLOOD,
)


@dataclass(frozen=True)
class Row:
    """What is measured of one knee; volumes in cm³."""

    tissue: float
    painted: float
    share: float
    share_without_it: float
    dice: float
    dice_without_it: float
    worst_slice: float
    worst_without_it: float


COLUMNS = (
    "tissue, cm³:",
    "as bone, cm³:",
    "share:",
    "without it:",
    "Dice:",
    "without it:",
    "worst slice:",
    "without it:",
)
assert len(COLUMNS) == len(fields(Row))


def drawn_knee(seed: int, kind: JointTissueKind) -> LegConfig:
    """One knee with dense tissue of this kind, its joint in the middle of the field."""
    config = draw_leg(seed, Region.KNEE, llp26(UNSEEN_LIMBS), broken=0.0)
    anatomy = replace(
        config.anatomy, sides=config.anatomy.sides[:1], poses=config.anatomy.poses[:1]
    )
    tissue = draw_joint_tissue(seed, Region.KNEE, anatomy.sides, chance=1.0, kind=kind)
    behind, height = MIDDLE_MM
    return replace(
        config,
        anatomy=anatomy,
        grid=axial_grid(SHAPE, PIXEL_MM, STEP_MM, (limb_x(anatomy, 0.0), behind, height)),
        soft=replace(config.soft, joint_tissue=tissue, arthrogram_hu=0.0),
        surroundings=replace(config.surroundings, cast=None),
        implants=(),
    )


@dataclass(frozen=True)
class Pair:
    """A knee with dense tissue and the same knee without it; `tissue` is (slice, row, column)."""

    knees: tuple[SimulatedLeg, SimulatedLeg]
    tissue: NDArray[np.bool_]

    @classmethod
    def of(cls, seed: int, kind: JointTissueKind) -> Pair:
        """The two knees of a seed."""
        config = drawn_knee(seed, kind)
        plain = replace(config, soft=replace(config.soft, joint_tissue=()))
        tissue = exact_joint_tissue(config).voxels != 0
        return cls((simulate(config), simulate(plain)), tissue)

    def judged(self, network: Network) -> Row:
        """What a network makes of the two."""
        painted, scores = [], []
        for leg in self.knees:
            truth, mask = leg.bones.foreground(), network.mask(leg.volume)
            painted.append(int((mask.voxels.astype(bool) & self.tissue).sum()))
            scores.append((dice(count(mask.voxels, truth.voxels)), worst_slice(mask, truth)))
        cm3 = self.knees[0].volume.voxel_volume_mm3 / 1000
        size = int(self.tissue.sum())
        (own, worst), (without, worst_without) = scores
        return Row(
            size * cm3,
            painted[0] * cm3,
            painted[0] / max(size, 1),
            painted[1] / max(size, 1),
            own,
            without,
            worst,
            worst_without,
        )


def worst_slice(mask: Volume, truth: Volume) -> float:
    """The lowest Dice of a slice with bone."""
    pairs = zip(mask.voxels, truth.voxels, strict=True)
    return min(dice(count(found, true)) for found, true in pairs if true.any())


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", default=[shipped_path()])
    parser.add_argument("--knees", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args(argv)
    networks = {path.stem: Network(path) for path in options.weights}
    print(f"{SIMULATOR}\n")
    print_heading("seed:", "weights", "kind", *COLUMNS)
    rows: dict[tuple[str, str], list[Row]] = {}
    for number in range(options.knees):
        seed, kind = options.first_seed + number, KINDS[number % len(KINDS)]
        pair = Pair.of(seed, kind)
        for name, network in networks.items():
            row = pair.judged(network)
            for what in (str(kind), "all"):
                rows.setdefault((name, what), []).append(row)
            print_row(seed, f"`{name}`", kind, *cells(row))
    print()
    print_heading("mean of", "weights", "knees:", *COLUMNS)
    for (name, what), group in rows.items():
        print_row(what, f"`{name}`", len(group), *cells(mean(group)))


def mean(rows: Sequence[Row]) -> Row:
    """The mean of each column."""
    return Row(*(fmean(column) for column in zip(*map(astuple, rows), strict=True)))


def cells(row: Row) -> list[str]:
    """Volumes with one decimal, shares and Dice with three."""
    return [f"{value:.{1 if place < 2 else 3}f}" for place, value in enumerate(astuple(row))]


if __name__ == "__main__":
    main()
