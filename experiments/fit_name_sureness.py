"""Fit how sure names and sides of bones are, on cuts that draw_name_cuts.py has drawn.

    .venv/bin/python -m experiments.fit_name_sureness --cuts cuts \
        -o src/afunet/models/weights/name-sureness.json

Each cut is split and heard with the shipped networks; a piece of 50 mm³ and more is of the bone
that most of it belongs to. A name is right if the bone is; a side if it is the bone's own, and of
sacra and what is no leg there is none. Logistic regressions of the evidence and its squares, one a
bone, with a ridge that draws the bones' weights to each other. What is wrong counts three times:
real bones differ more from the drawn ones than those among themselves, so the sureness is rather
told too low. Pieces of several bones, less than 85 % of one, are left out. How sure names of people
are that were left out, and how often right, is printed first. What was heard is kept beside the
cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from afunet.anatomy.coarse_grid import LabelSampling
from afunet.anatomy.evidence import FEATURES
from afunet.anatomy.named_grid import named_grid, votes_of
from afunet.anatomy.naming import (
    SIDE_FEATURES,
    NamingRules,
    Networks,
    hear,
    shipped_namer,
    shipped_sider,
)
from afunet.anatomy.parting import parted_by_votes
from afunet.anatomy.sureness import Judge, Judges
from afunet.evaluation.logistic_fit import fit_logistic
from afunet.geometry import Volume
from afunet.reconstruction.instances import split_instances
from benchmarks.bench import parser_of, print_heading, print_row
from experiments.draw_name_cuts import CUTS_A_PERSON

SMALLEST_MM3, MOST_OF_A_CUT = 50.0, 12
RIDGE, APART_RIDGE, CAUTION = 1e-3, 1e-2, 3.0
PURE = 0.85
BINS = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
PARTS = 5
ENTRIES = ("best", "values", "left", "bone", "side", "part")
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Arrays = dict[str, NDArray[np.generic]]


def hear_cut(path: Path) -> Path:
    """Keep the evidence of every piece of a cut, and what is true of it, beside the cut."""
    kept = path.with_name(path.name.replace("cut", "heard"))
    if kept.exists():
        return kept
    torch.set_num_threads(1)
    with np.load(path) as arrays:
        truth, names = Volume(arrays["labels"], arrays["affine"]), arrays["names"].tolist()
    labels = split_instances(truth.with_voxels((truth.voxels > 0).astype(np.uint8)))
    networks = Networks(shipped_namer(), shipped_sider())
    sampling = LabelSampling.of(labels, networks.namer.config.step_mm)
    assert sampling is not None
    named, rules = named_grid(sampling, networks.namer), NamingRules()
    labels, _ = parted_by_votes(labels, named, votes_of(sampling, named), rules.parting)
    sampling = LabelSampling.of(labels, networks.namer.config.step_mm)
    assert sampling is not None
    heard = hear(sampling, votes_of(sampling, named), networks, rules)
    large, truths, pure = _truths(labels, truth, names)
    told: Arrays = {
        "best": heard.evidence.best[large],
        "values": heard.side_values[large],
        "left": heard.legs.left[large] >= 0.5,
        "bone": np.array([name.partition(" ")[0] for name in truths]),
        "side": np.array([name.partition(" ")[2] for name in truths]),
        "part": np.array(pure),
    }
    np.savez(kept, **told)  # type: ignore[arg-type]
    return kept


def _truths(
    labels: Volume, truth: Volume, names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str], list[float]]:
    """Labels, from 0, that are large enough, what most of each is, and how much of it is."""
    large, truths, pure = [], [], []
    alike, kind = np.unique(["", *names], return_inverse=True)
    for label in range(1, int(labels.voxels.max()) + 1):
        inside = truth.voxels[labels.voxels == label]
        if len(inside) * truth.voxel_volume_mm3 >= SMALLEST_MM3:
            large.append(label - 1)
            counts = np.bincount(kind[inside])
            truths.append(str(alike[counts.argmax()]))
            pure.append(float(counts.max() / len(inside)))
    return np.array(large, dtype=np.int64), truths, pure


@dataclass(frozen=True, eq=False)
class Cases:
    """Pieces: evidence (N, features), class (N,), whether its name is right, how much it counts."""

    values: FloatArray
    best: NDArray[np.int64]
    right: BoolArray
    weight: FloatArray

    def where(self, kept: BoolArray) -> Cases:
        """Some of them."""
        return Cases(self.values[kept], self.best[kept], self.right[kept], self.weight[kept])


def fit(cases: Cases, classes: int, features: Sequence[str]) -> Judge:
    """Weights of a constant, the evidence and its squares for every class."""
    low, high = np.percentile(cases.values, (1, 99), axis=0)
    judge = Judge(tuple(features), low, high, np.zeros((classes, 1 + 2 * len(features))))
    weights = fit_logistic(
        judge.standardised(cases.values),
        cases.best,
        cases.right,
        np.where(cases.right, 1.0, CAUTION) * cases.weight,
        classes,
        ridge=RIDGE,
        apart_ridge=APART_RIDGE,
    )
    return replace(judge, weights=weights)


def left_out(cases: Cases, person: NDArray[np.integer], classes: int) -> FloatArray:
    """The sureness (N,) of each piece by judges that did not hear its person."""
    sure = np.zeros(len(cases.best))
    for part in range(PARTS):
        out = person % PARTS == part
        judge = fit(cases.where(~out), classes, [""] * cases.values.shape[1])
        sure[out] = judge.sureness(cases.best[out], cases.values[out])
    return sure


def print_reliability(title: str, sure: FloatArray, right: BoolArray) -> None:
    """How sure and how often right, by sureness."""
    print()
    print_heading(title, "pieces:", "mean sureness, %:", "right, %:")
    for low, high in (*pairwise(BINS), (0.8, 1.01)):
        here = (sure >= low) & (sure < high)
        if here.any():
            means = (f"{100 * share[here].mean():.1f}" for share in (sure, right))
            print_row(f"{low} to {min(high, 1)}", here.sum(), *means)


def main(argv: Sequence[str] | None = None) -> None:
    """Hear, fit, tell how well it holds, save."""
    parser = parser_of(__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cuts", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(argv)
    cuts = sorted(args.cuts.glob("cut-*.npz"))
    with ProcessPoolExecutor(args.jobs) as pool:
        parts = [dict(np.load(path)) for path in pool.map(hear_cut, cuts)]
    sizes = [len(part["best"]) for part in parts]
    every = {name: np.concatenate([part[name] for part in parts]) for name in ENTRIES}
    person = np.repeat([int(cut.stem.split("-")[1]) // CUTS_A_PERSON for cut in cuts], sizes)
    weight = np.repeat([min(1.0, MOST_OF_A_CUT / max(size, 1)) for size in sizes], sizes)
    classes = shipped_namer().config.classes
    told = np.array(classes)[every["best"]]
    right, sides = told == every["bone"], np.where(every["left"], "left", "right")
    pure, of_leg = every["part"] >= PURE, told != "other"
    bone = Cases(every["values"][:, : len(FEATURES)], every["best"], right, weight).where(pure)
    kept = pure & right & of_leg
    side = Cases(every["values"], every["best"], sides == every["side"], weight).where(kept)
    sure = left_out(bone, person[pure], len(classes))
    print_reliability("bone of a leg", sure[of_leg[pure]], bone.right[of_leg[pure]])
    print_reliability("side", left_out(side, person[kept], len(classes)), side.right)
    judges = Judges(
        classes,
        fit(bone, len(classes), FEATURES),
        fit(side, len(classes), (*FEATURES, *SIDE_FEATURES)),
    )
    judges.save(args.output, {"cuts": len(cuts), "pieces": len(bone.best)})


if __name__ == "__main__":
    main()
