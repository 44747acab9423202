"""Names and sides of bones, on simulated limbs from shapes that the network never saw.

    .venv/bin/python benchmarks/bone_names.py [--legs 120]

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
from collections import Counter
from pathlib import Path

import numpy as np

from afunet.inference.naming import bone_namer
from afunet.phantom import Region, draw_leg, exact_labels
from afunet.reconstruction.anatomy import Bone, Side
from afunet.reconstruction.instances import split_instances

FIRST_SEED, LEGS = 300_000, 120
DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
PIXELS, SLICES = 220, 70
SMALLEST_MM3 = 50.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--legs", type=int, default=LEGS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    limbs = [DATA / "shapes-llp26" / f"sample{number}.npz" for number in range(14, 20)]
    namer, regions = bone_namer(), list(Region)
    pieces, right, unknown = Counter[Region](), Counter[Region](), Counter[Region]()
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
            pieces[region] += 1
            if is_right(str(name), truth):
                right[region] += 1
                continue
            unknown[region] += name.bone is Bone.UNKNOWN
            wrong.append(
                f"seed {options.first_seed + number}, {region}: {truth}, {mm3:.0f} mm³, "
                f"named {name} ({name.sureness:.2f})"
            )
    print("| region | pieces | right | % | unknown |\n| --- | ---: | ---: | ---: | ---: |")
    for region in regions:
        share = 100 * right[region] / max(pieces[region], 1)
        print(
            f"| {region} | {pieces[region]} | {right[region]} | {share:.1f} | {unknown[region]} |"
        )
    print(
        f"| all | {pieces.total()} | {right.total()} | "
        f"{100 * right.total() / max(pieces.total(), 1):.1f} | {unknown.total()} |\n"
    )
    print("\n".join(wrong))


def is_right(name: str, truth: str) -> bool:
    """Whether a name such as "left femur" tells the bone and side of "femur left"."""
    kind, *rest = truth.split()
    if kind == "vertebra":
        return name == Bone.UNKNOWN
    if kind == "pelvis":
        return name.removeprefix(f"{Side.LEFT} ").removeprefix(f"{Side.RIGHT} ") == kind
    return name == f"{rest[0]} {kind}"


if __name__ == "__main__":
    main()
