"""Draw label maps of cut limbs and of what is no leg, to set the sureness of names by.

    .venv/bin/python -m experiments.draw_name_cuts -o cuts --cuts 0 1200

Limbs are drawn wide between LLP26 samples 00 to 13, with the left foot of the Visible Human Female;
samples 14 to 19 and the right foot are kept to measure by (benchmarks/bone_name_cuts.py). A third
of the bones is broken in every second person; one cut in seven holds a few bones alone, as masks of
single bones do; one in five is of no leg. Voxels are coarse, for the network's are 4 mm wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from afunet.phantom import VERSION
from afunet.phantom.skeleton.limb_mixing import mix_limbs
from afunet.phantom.views.limb_cuts import Cut, LimbBone, Plan, draw_cut, draw_person, sampled
from afunet.phantom.views.not_legs import beside_trunk, draw_not_leg
from benchmarks.bench import UNSEEN_LIMBS, data_set, llp26, parser_of

CUTS_A_PERSON, SPREAD, MOST_VOXELS = 4, 1.8, 800_000
NOT_LEG, ALONE, WIDEST_MM = 0.2, 0.14, 2.5
Rng = np.random.Generator


def draw_bones(person: int, rng: Rng) -> list[LimbBone]:
    """A person, with something beside the trunk."""
    limbs, feet = llp26(range(UNSEEN_LIMBS.start)), data_set("shapes-foot") / "vhf-legs.npz"
    legs = ("left", "right") if rng.random() < 0.5 else (str(rng.choice(["left", "right"])),)
    plan = Plan(legs, "Left", rng.random() < 0.92, broken=0.33 * (person % 2))
    with TemporaryDirectory() as folder:
        between = Path(folder) / "between.npz"
        mix_limbs(limbs, between, rng, SPREAD)
        bones = draw_person(between, feet, plan, rng)
    low, high = next(bone for bone in bones if str(bone) == "pelvis").solid.bounds_mm()
    return bones + beside_trunk(np.array([*(low + high)[:2] / 2, high[2] + 20]), rng)


def shown_of(bones: Sequence[LimbBone], rng: Rng) -> list[LimbBone]:
    """What a mask holds: all, or a few bones alone, or something that is no leg."""
    kind = rng.random()
    if kind < NOT_LEG:
        return draw_not_leg(rng)
    if kind < NOT_LEG + ALONE:
        of_leg = [bone for bone in bones if bone.kind != "other"]
        chosen = rng.choice(len(of_leg), int(rng.integers(1, 4)), replace=False)
        return [of_leg[index] for index in chosen]
    return list(bones)


def coarser(cut: Cut) -> Cut:
    """Wider pixels where there are many voxels."""
    size = np.subtract(cut.field.high_mm, cut.field.low_mm)
    many = float(np.prod(size / cut.spacing_mm)) / MOST_VOXELS
    pixel = min(WIDEST_MM, cut.spacing_mm[0] * np.sqrt(max(1.0, many)))
    return replace(cut, spacing_mm=(pixel, pixel, cut.spacing_mm[2]))


def main(argv: Sequence[str] | None = None) -> None:
    """Draw what is not there."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cuts", type=int, nargs=2, default=(0, 1200), help="first, end")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    bones: list[LimbBone] = []
    for number in range(*args.cuts):
        person, path = number // CUTS_A_PERSON, args.output / f"cut-{number:05d}.npz"
        if path.exists():
            continue
        if not bones or number % CUTS_A_PERSON == 0:
            bones = draw_bones(person, np.random.default_rng([person, 83]))
        rng = np.random.default_rng([number, 89])
        shown = shown_of(bones, rng)
        truth = sampled(shown, coarser(draw_cut(shown, rng)))
        if truth.voxels.any():
            names = list(map(str, shown))
            np.savez_compressed(
                path, labels=truth.voxels, affine=truth.affine, names=names, simulator=VERSION
            )


if __name__ == "__main__":
    main()
