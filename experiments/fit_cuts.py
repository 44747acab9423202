"""Fit the rule that tells cuts between fragments from borders inside one, and say how true it is.

    .venv/bin/python -m experiments.fit_cuts --bones pool -o rules.json \
        --leave-out 001=FILE.onnx 003=FILE.onnx 005=FILE.onnx [--breaks 30] [--least-mm3 1000]

Each patient's bones, real and broken virtually (`draw_contact_bones`), are seen by the network that
was trained without him; a simulated leg, such as leg8036, is a patient, too. All regions of a bone
are joined, the least separate first, and each join is a sample: its measures
(`cut_rules.measures_of`), and whether it joined two fragments. The rule is a logistic regression on
them. The order of joins follows the rule, so both are made `ROUNDS` times. Prints the reliability
of each patient's rule, which was fitted on the others, and writes the rules of each patient and,
under "", of all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from afunet.evaluation.logistic_fit import fit_logistic
from afunet.fragments.agglomeration import Border, agglomerated, borders_of
from afunet.fragments.contact_map import probability_of
from afunet.fragments.cut_rules import MEASURES, CutRules, measures_of
from afunet.fragments.even_grid import EvenBone
from afunet.fragments.gaps import REACH_MM
from afunet.fragments.part_bone import ACROSS_A_GAP
from afunet.fragments.supervoxels import supervoxels
from afunet.models.contact_network import CONTACTS, ContactNetwork
from afunet.whole_file import whole_file
from benchmarks.bench import parser_of, print_heading, print_row

PURE = 0.8
"""So much of a region must be of one fragment, or what a join does is not told."""
PENALTY = 1e-3
ROUNDS = 2
BINS = 5
Float64Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeenBone:
    """A bone's fragments on the network's grid, its regions, and the contact that was seen."""

    fragments: NDArray[np.int64]
    regions: NDArray[np.int32]
    contact: NDArray[np.float32]
    voxel_mm3: float


@dataclass(frozen=True, eq=False)
class Samples:
    """Measures (N, 3), and whether each joined two fragments (N,)."""

    measures: Float64Array
    cuts: NDArray[np.bool_]

    @classmethod
    def of(cls, some: Sequence[Samples]) -> Samples:
        """All together."""
        return cls(
            np.concatenate([one.measures for one in some]),
            np.concatenate([one.cuts for one in some]),
        )


def seen(path: Path, network: ContactNetwork) -> SeenBone:
    """A bone of `draw_contact_bones` as a network sees it."""
    hu, fragments, _ = np.load(path)
    mask = fragments > 0
    contact = probability_of(EvenBone(hu.astype(np.float32), mask), network)
    step = network.config.step_mm
    return SeenBone(fragments.astype(np.int64), supervoxels(mask, contact), contact, step**3)


def samples_of(bone: SeenBone, rules: CutRules, step_mm: float) -> Samples:
    """Join all regions of a bone in the order of the rules."""
    sizes = np.bincount(bone.regions.ravel())
    sizes[0] = 0
    shares = np.zeros((len(sizes), int(bone.fragments.max()) + 1), dtype=np.int64)
    np.add.at(shares, (bone.regions.ravel(), bone.fragments.ravel()), 1)

    def asked(border: Border, smaller: int) -> float:
        if not border.touching:
            return ACROSS_A_GAP
        if smaller * bone.voxel_mm3 < rules.least_touching_mm3:
            return border.mean - 2
        return min(rules.probability(border, smaller, bone.voxel_mm3), 1 - 1e-9)

    borders = borders_of(bone.regions, bone.contact, int(REACH_MM / step_mm))
    measures, cuts = [], []
    for join in agglomerated(sizes, borders, asked).joins:
        one, other = shares[join.kept], shares[join.lost]
        pure = min(part.max() / part.sum() for part in (one, other))
        if join.smaller * bone.voxel_mm3 >= rules.least_touching_mm3 and pure >= PURE:
            measures.append(measures_of(join.border, join.smaller, bone.voxel_mm3))
            cuts.append(one.argmax() != other.argmax())
        shares[join.kept] = one + other
    return Samples(np.array(measures).reshape(-1, len(MEASURES)), np.array(cuts, dtype=np.bool_))


def fitted(samples: Samples, rules: CutRules) -> CutRules:
    """The rules with the bias and weights of a logistic regression; the same without a sample."""
    if not len(samples.cuts):
        return rules
    count = len(samples.cuts)
    columns = np.column_stack([np.ones(count), samples.measures])
    group, once = np.zeros(count, dtype=np.int64), np.ones(count)
    (weights,) = fit_logistic(
        columns, group, samples.cuts, once, 1, ridge=PENALTY / count, apart_ridge=1.0
    )
    bias, contact, size, neck = weights.round(2).tolist()
    return replace(rules, bias=bias, weights=(contact, size, neck))


def likelihoods(samples: Samples, rules: CutRules) -> Float64Array:
    """The probability of each sample."""
    odds = rules.bias + samples.measures @ np.array(rules.weights)
    return np.asarray(expit(odds))


def main(argv: Sequence[str] | None = None) -> None:
    """Look, join, fit, and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--bones", type=Path, required=True, help="folder of draw_contact_bones.py")
    parser.add_argument("--leave-out", nargs="+", required=True, metavar="PATIENT=FILE")
    parser.add_argument("--breaks", type=int, default=30, help="virtual breaks of each patient")
    parser.add_argument("--least-mm3", type=float, default=CutRules().least_touching_mm3)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    load = cache(CONTACTS.load)
    networks = {
        patient: load(Path(file))
        for patient, _, file in (text.partition("=") for text in args.leave_out)
    }
    bones = {
        patient: [seen(path, network) for path in _paths(args.bones, patient, args.breaks)]
        for patient, network in networks.items()
    }
    if not all(bones.values()):
        sys.exit(f"no bones of {', '.join(p for p in bones if not bones[p])} in {args.bones}")
    steps = {patient: network.config.step_mm for patient, network in networks.items()}
    rules, samples = CutRules(least_touching_mm3=args.least_mm3), dict[str, Samples]()
    for _ in range(ROUNDS):
        samples = {
            patient: Samples.of([samples_of(bone, rules, steps[patient]) for bone in some])
            for patient, some in bones.items()
        }
        rules = fitted(Samples.of(list(samples.values())), rules)
    apart = {patient: _without(patient, samples, rules) for patient in samples}
    _print(samples, apart, rules)
    found = {**{p: asdict(one) for p, one in apart.items()}, "": asdict(rules)}
    with whole_file(args.output) as made:
        made.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _paths(folder: Path, patient: str, breaks: int) -> list[Path]:
    """The real bones as they are, some broken virtually, of all bones alike, or those of a leg."""
    virtual = sorted(folder.glob(f"{patient}_*_break*.npy"), key=lambda path: path.stem[-3:])
    real, leg = folder.glob(f"{patient}_*_real000.npy"), folder.glob(f"{patient}_*_leg-*.npy")
    return [*sorted(real), *virtual[:breaks], *sorted(leg)]


def _without(patient: str, samples: Mapping[str, Samples], rules: CutRules) -> CutRules:
    others = [some for name, some in samples.items() if name != patient]
    return fitted(Samples.of(others or list(samples.values())), rules)


def _print(samples: Mapping[str, Samples], apart: Mapping[str, CutRules], rules: CutRules) -> None:
    print_heading("patient", "joins:", "cuts:", "bias:", ", ".join(MEASURES))
    for patient, one in (*apart.items(), ("all", rules)):
        some = samples[patient] if patient in samples else Samples.of(list(samples.values()))
        weights = ", ".join(f"{weight:.2f}" for weight in one.weights)
        print_row(patient, len(some.cuts), int(some.cuts.sum()), f"{one.bias:.2f}", weights)
    print()
    told = np.concatenate([likelihoods(samples[patient], apart[patient]) for patient in apart])
    cuts = np.concatenate([samples[patient].cuts for patient in apart])
    print_heading("probability told", "joins:", "mean told:", "cuts among them:")
    edges = np.linspace(0, 1, BINS + 1)
    for low, high in pairwise(edges):
        here = (told >= low) & (told < high)
        if here.any():
            mean, share = f"{told[here].mean():.3f}", f"{cuts[here].mean():.3f}"
            print_row(f"{low:.1f} to {high:.1f}", int(here.sum()), mean, share)


if __name__ == "__main__":
    main()
