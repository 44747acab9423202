"""Names of bones on stacks of any length: how often a sureness is right, what has a name at all.

    .venv/bin/python -m benchmarks.bone_name_cuts [--sets simulated real fractures not-legs]
        [--cuts 200] [--first-seed 620000]

`simulated`: limbs drawn between LLP26 samples 14 to 19, which no network for names saw, with the
right foot of the Visible Human Female: one leg or two, posed, scaled, a bone in seven broken, now
and then spine and arms beside them; cut anywhere, from 5 mm to the whole, sometimes cropped in
plane; voxels of 0.5 to 1.5 mm, slices of 0.6 to 5 mm. `real`: the same cuts through the surfaces of
one person (VSDFullBody z013), both legs with their feet. `fractures`: nine single bones of three
pelves. `not-legs`: arms, ribs, vertebrae, lumps, shells and implants, nothing of them a leg's.

Masks are exact, split and named. A piece of 50 mm³ and more stands for the bone that most of it
belongs to. A name is right if the bone is and, where a side is told, the side too; of a pelvis the
hip bone's, a sacrum has none. What is no leg bone has no name. Prints Markdown tables.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName
from afunet.anatomy.naming import name_pieces
from afunet.formats.readers import read_labels
from afunet.geometry import Mesh, Volume
from afunet.phantom import SIMULATOR
from afunet.phantom.shapes.solids import MeshSolid
from afunet.phantom.skeleton.limb_mixing import mix_limbs
from afunet.phantom.views.limb_cuts import LimbBone, Plan, draw_cut, draw_person, sampled
from afunet.phantom.views.not_legs import beside_trunk, draw_not_leg
from afunet.phantom.views.points import OTHER
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import UNSEEN_LIMBS, data_set, llp26, parser_of, print_heading, print_row

FIRST_SEED, CUTS = 620_000, 200
SMALLEST_MM3, SURE = 50.0, 0.8
LENGTHS_MM = (5, 15, 30, 60, 120, 250, 500, 2000)
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
Rng = np.random.Generator
Case = tuple[str, list[str], Volume]
"""What it is called, what the labels are from 1 on, as \"femur left\", and the labels."""


@dataclass(frozen=True)
class Told:
    """A piece: what it is, as "femur left", what it was called, and how long the stack is."""

    case: str
    truth: str
    name: BoneName
    mm3: float
    stack_mm: float

    @property
    def named(self) -> bool:
        """Whether it has a name."""
        return self.name.bone is not Bone.UNKNOWN

    @property
    def right(self) -> bool:
        """Whether the bone and, where one is told, the side are its own."""
        kind, _, side = self.truth.partition(" ")
        return self.name.bone == kind and self.name.side in (None, side)

    @property
    def whole_name(self) -> bool:
        """Whether the name is right and its side told, where the bone has one."""
        return self.right and (self.name.side is not None or " " not in self.truth)


def simulated(cuts: int, first_seed: int) -> Iterator[Case]:
    """Cuts through simulated people."""
    limbs, feet = llp26(UNSEEN_LIMBS), data_set("shapes-foot") / "vhf-legs.npz"
    with TemporaryDirectory() as folder:
        between = Path(folder) / "between.npz"
        bones: list[LimbBone] = []
        for seed in range(first_seed, first_seed + cuts):
            rng = np.random.default_rng([seed, 71])
            if not bones or (seed - first_seed) % 2 == 0:
                mix_limbs(limbs, between, rng)
                legs = (
                    ("left", "right")
                    if rng.random() < 0.5
                    else (str(rng.choice(["left", "right"])),)
                )
                plan = Plan(legs, "Right", broken=1 / 7)
                bones = draw_person(between, feet, plan, rng)
                bones += beside_trunk(_base_of(bones), rng)
            yield f"seed {seed}", list(map(str, bones)), sampled(bones, draw_cut(bones, rng))


def _base_of(bones: Sequence[LimbBone]) -> NDArray[np.float64]:
    low, high = next(bone for bone in bones if str(bone) == "pelvis").solid.bounds_mm()
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, high[2] + 20])


def real(cuts: int, first_seed: int) -> Iterator[Case]:
    """Cuts through one person's surfaces."""
    with np.load(data_set("shapes-vsd") / "z013.npz") as arrays:
        bones = [
            LimbBone(*_of_vsd(name[:-2]), MeshSolid(Mesh(arrays[name], arrays[name[:-2] + "_f"])))
            for name in arrays
            if name.endswith("_v")
        ]
    for seed in range(first_seed, first_seed + cuts):
        rng = np.random.default_rng([seed, 73])
        shown = bones
        if rng.random() < 0.5:
            side = rng.choice(["left", "right"])
            shown = [bone for bone in bones if bone.side in ("", side) or bone.kind == "pelvis"]
        yield f"seed {seed}", list(map(str, shown)), sampled(shown, draw_cut(shown, rng))


def _of_vsd(name: str) -> tuple[str, str]:
    kind, _, side = name.lower().partition("_")
    known = {"sacrum": "pelvis", "hip": "pelvis"} | {
        bone: bone for bone in ("femur", "patella", "tibia", "fibula")
    }
    return known.get(kind, "foot"), {"l": "left", "r": "right"}.get(side, "")


def fractures(*_: int) -> Iterator[Case]:
    """Single hip bones and sacra, real and exact."""
    for path in sorted(data_set("fractures").glob("*_fragments.nii.gz")):
        case, side = path.name.removesuffix("_fragments.nii.gz"), path.name.split("_")[1]
        truth = f"pelvis {side.removesuffix('-hip')}" if "hip" in side else "pelvis"
        labels = read_labels(path)
        yield case, [truth], labels.with_voxels((labels.voxels > 0).astype(np.uint8))


def not_legs(cuts: int, first_seed: int) -> Iterator[Case]:
    """Cuts through what is no leg."""
    for seed in range(first_seed, first_seed + cuts):
        rng = np.random.default_rng([seed, 79])
        bones = draw_not_leg(rng)
        yield f"seed {seed}", list(map(str, bones)), sampled(bones, draw_cut(bones, rng))


SETS: dict[str, Callable[[int, int], Iterator[Case]]] = {
    "simulated": simulated,
    "real": real,
    "fractures": fractures,
    "not-legs": not_legs,
}


def told_of(case: str, bones: Sequence[str], truth: Volume) -> Iterator[Told]:
    """What every piece of an exact mask is called."""
    if not truth.voxels.any():
        return
    mask = truth.with_voxels((truth.voxels > 0).astype(np.uint8))
    named = name_pieces(split_instances(mask))
    long_mm = truth.shape[0] * truth.array_spacing_mm[0]
    for label, name in enumerate(named.names, start=1):
        inside = truth.voxels[named.labels.voxels == label]
        mm3 = len(inside) * truth.voxel_volume_mm3
        if mm3 >= SMALLEST_MM3:
            bone = bones[int(np.bincount(inside).argmax()) - 1]
            yield Told(case, bone, name, mm3, long_mm)


def print_tables(told: Sequence[Told]) -> None:
    """Reliability by sureness, coverage by length of the stack."""
    named = [one for one in told if one.named]
    sure = [one for one in named if one.name.sureness >= SURE]
    bone = [one for one in told if not one.truth.startswith(OTHER)]
    print(
        f"{len(told)} pieces, {len(named)} named; sureness {SURE} and more: {_share(sure)} right; "
        f"real bone named: {_part(sum(one.named for one in bone), len(bone))}; "
        f"with bone and side right: {_part(sum(one.whole_name for one in bone), len(bone))}\n"
    )
    print_heading("sureness", "named:", "mean sureness, %:", "right, %:", "bone right, %:")
    for low, high in pairwise(BINS):
        here = [one for one in named if low <= one.name.sureness < high]
        if here:
            mean = np.mean([one.name.sureness for one in here])
            kinds = sum(one.truth.partition(" ")[0] == one.name.bone for one in here)
            right = _percent(one.right for one in here)
            bins = f"{low:g} to {min(high, 1):g}"
            print_row(bins, len(here), f"{100 * mean:.1f}", right, f"{100 * kinds / len(here):.1f}")
    print()
    columns = ("pieces", "named, %", "bone and side, %", "sure", "of these right, %")
    print_heading("stack, mm", *(f"{column}:" for column in columns))
    for low, high in pairwise(LENGTHS_MM):
        here = [
            one for one in bone if low <= one.stack_mm < high or (low == 5 and one.stack_mm < 5)
        ]
        if here:
            surely = [one for one in here if one.named and one.name.sureness >= SURE]
            print_row(
                f"{low} to {high}",
                len(here),
                _percent(one.named for one in here),
                _percent(one.whole_name for one in here),
                len(surely),
                _percent(one.right for one in surely),
            )


def _percent(true: Iterable[bool]) -> str:
    every = list(true)
    return f"{100 * sum(every) / max(len(every), 1):.1f}"


def _share(told: Sequence[Told]) -> str:
    return _part(sum(one.right for one in told), len(told))


def _part(count: int, of: int) -> str:
    return f"{count} of {of} ({100 * count / max(of, 1):.1f} %)"


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--cuts", type=int, default=CUTS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--wrong", action="store_true", help="list every wrong name")
    options = parser.parse_args(argv)
    print(f"{SIMULATOR}\n")
    for name in options.sets:
        told: list[Told] = []
        started = time.monotonic()
        for case, bones, truth in SETS[name](options.cuts, options.first_seed):
            told += told_of(case, bones, truth)
        print(f"\n### {name}\n")
        print_tables(told)
        if options.wrong or name == "fractures":
            print()
        for one in told:
            if name == "fractures" or (options.wrong and one.named and not one.right):
                sides = getattr(one.name, "side_sureness", 0.0)
                print(
                    f"{one.case}, {one.stack_mm:.0f} mm: {one.truth}, {one.mm3:.0f} mm³, "
                    f"named {one.name} ({one.name.sureness:.2f}, side {sides:.2f})"
                )
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
