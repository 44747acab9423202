"""Names and sides of bones, on simulated limbs from shapes that the network never saw.

    .venv/bin/python -m benchmarks.bone_names [--legs 96] [--first-seed 312000]

Limbs of LLP26 samples 14 to 19 and parametric knees, drawn by `draw_leg` from seeds that nothing
was tuned on: ankle, shank, knee, thigh, hip and trunk in turn; one leg or both, whole or broken, in
fields of view as scanners have them. The exact mask is split and named; a found piece stands for
the true bone that most of it belongs to, and vertebrae should be unknown. Right is the name and,
but for pelvis and vertebrae, the side.

Prints a Markdown row a region, the sums, and what was wrong.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName
from afunet.anatomy.naming import name_pieces
from afunet.phantom import SIMULATOR, Region, draw_leg, exact_labels
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import UNSEEN_LIMBS, llp26, parser_of, print_heading, print_row

FIRST_SEED, LEGS = 312_000, 96
PIXELS, SLICES = 220, 70
SMALLEST_MM3 = 50.0


class Outcome(StrEnum):
    """What became of a piece's name."""

    RIGHT = "right"
    SIDE_OPEN = "side open"
    UNKNOWN = "unknown"
    WRONG_SIDE = "wrong side"
    WRONG_BONE = "wrong bone"


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--legs", type=int, default=LEGS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args(argv)
    limbs, regions = llp26(UNSEEN_LIMBS), list(Region)
    counts = {region: Counter[Outcome]() for region in regions}
    wrong: list[str] = []
    for number in range(options.legs):
        region = regions[number % len(regions)]
        config = draw_leg(options.first_seed + number, region, limbs, size=PIXELS, slices=SLICES)
        bones, _ = exact_labels(config)
        named = name_pieces(split_instances(bones.foreground()))
        for label, name in enumerate(named.names, start=1):
            inside = bones.volume.voxels[named.labels.voxels == label]
            mm3 = len(inside) * named.labels.voxel_volume_mm3
            if mm3 < SMALLEST_MM3:
                continue
            truth = bones.names[int(np.bincount(inside).argmax())]
            outcome = outcome_of(name, truth)
            counts[region][outcome] += 1
            if outcome is not Outcome.RIGHT:
                wrong.append(
                    f"seed {options.first_seed + number}, {region}: {truth}, {mm3:.0f} mm³, "
                    f"named {name} ({name.sureness:.2f})"
                )
        print(f"leg {number + 1} of {options.legs}", file=sys.stderr, flush=True)
    print(f"{SIMULATOR}\n")
    every = sum(counts.values(), Counter[Outcome]())
    print_outcomes("region", {**{str(region): row for region, row in counts.items()}, "all": every})
    print("\n" + "\n".join(wrong))


def print_outcomes(what: str, rows: Mapping[str, Counter[Outcome]]) -> None:
    """A table of how often each outcome was met."""
    print_heading(what, "pieces:", *(f"{outcome}:" for outcome in Outcome), "right, %:")
    for name, row in rows.items():
        right = 100 * row[Outcome.RIGHT] / max(row.total(), 1)
        print_row(name, row.total(), *(row[outcome] for outcome in Outcome), f"{right:.1f}")


def outcome_of(name: BoneName, truth: str) -> Outcome:
    """What a name is worth where the truth is such as "femur left"; vertebrae have none."""
    kind, *rest = truth.split()
    if kind == "vertebra":
        return Outcome.RIGHT if name.bone is Bone.UNKNOWN else Outcome.WRONG_BONE
    if name.bone != kind:
        return Outcome.UNKNOWN if name.bone is Bone.UNKNOWN else Outcome.WRONG_BONE
    if kind == Bone.PELVIS or name.side == rest[0]:
        return Outcome.RIGHT
    return Outcome.SIDE_OPEN if name.side is None else Outcome.WRONG_SIDE


if __name__ == "__main__":
    main()
