"""Names and sides of bones, on simulated limbs from shapes that the network never saw.

    .venv/bin/python benchmarks/bone_names.py [--legs 96] [--first-seed 312000]

Limbs of LLP26 samples 14 to 19 and parametric knees, drawn by `draw_leg` from seeds that nothing
was tuned on: ankle, shank, knee, thigh, hip and trunk in turn; one leg or both, whole or broken, in
fields of view as scanners have them. The exact mask is split and named; a found piece stands for
the true bone that most of it belongs to, and vertebrae should be unknown. Right is the name and,
but for pelvis and vertebrae, the side.

Prints a Markdown row a region, the sums, and what was wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path

import numpy as np

from afunet.inference.naming import bone_namer
from afunet.phantom import SIMULATOR, Region, draw_leg, exact_labels
from afunet.reconstruction.anatomy import Bone, BoneName
from afunet.reconstruction.instances import split_instances

FIRST_SEED, LEGS = 312_000, 96
DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
PIXELS, SLICES = 220, 70
SMALLEST_MM3 = 50.0


class Outcome(StrEnum):
    """What became of a piece's name."""

    RIGHT = "right"
    SIDE_OPEN = "side open"
    UNKNOWN = "unknown"
    WRONG_SIDE = "wrong side"
    WRONG_BONE = "wrong bone"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--legs", type=int, default=LEGS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    limbs = [DATA / "shapes-llp26" / f"sample{number}.npz" for number in range(14, 20)]
    if not limbs[0].exists():
        sys.exit(f"no LLP26 limbs at {limbs[0].parent}: set AFUNET_DATA to the folder with them")
    namer, regions = bone_namer(), list(Region)
    counts = {region: Counter[Outcome]() for region in regions}
    wrong: list[str] = []
    for number in range(options.legs):
        region = regions[number % len(regions)]
        config = draw_leg(options.first_seed + number, region, limbs, size=PIXELS, slices=SLICES)
        bones, _ = exact_labels(config)
        named = namer(split_instances(bones.foreground()))
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
    head = " | ".join(Outcome)
    print(f"| region | pieces | {head} | right, % |\n| --- |{' ---: |' * (len(Outcome) + 2)}")
    rows = {str(region): found for region, found in counts.items()}
    rows["all"] = sum(counts.values(), Counter[Outcome]())
    for row, found in rows.items():
        cells = " | ".join(str(found[outcome]) for outcome in Outcome)
        share = 100 * found[Outcome.RIGHT] / max(found.total(), 1)
        print(f"| {row} | {found.total()} | {cells} | {share:.1f} |")
    print("\n" + "\n".join(wrong))


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
