"""Fit how sure names and sides of bones are, on cuts that draw_name_cuts.py has drawn.

    .venv/bin/python experiments/fit_name_sureness.py --cuts cuts \
        -o src/afunet/models/weights/name-sureness.json

Each cut is split and heard with the shipped networks; a piece of 50 mm³ and more is of the bone
that most of it belongs to. A name is right if the bone is; a side if it is the bone's own, and of
sacra and what is no leg there is none. Logistic regressions of the evidence and its squares, one a
bone, with a ridge that draws the bones' weights to each other. One person in five is left out
first, and how sure names of them are and how often right is printed. What was heard is kept beside
the cuts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from draw_name_cuts import CUTS_A_PERSON
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.geometry import Volume
from afunet.inference.coarse import LabelSampling
from afunet.inference.evidence import FEATURES
from afunet.inference.named_grid import named_grid, votes_of
from afunet.inference.naming import (
    SIDE_FEATURES,
    NamingRules,
    Networks,
    hear,
    shipped_namer,
    shipped_sider,
)
from afunet.inference.sureness import Judge, Judges
from afunet.reconstruction.instances import split_instances

SMALLEST_MM3, MOST_OF_A_CUT = 50.0, 12
RIDGE, APART_RIDGE = 3e-4, 3e-3
BINS = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
LEFT_OUT = 5
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
    votes = votes_of(sampling, named_grid(sampling, networks.namer))
    heard = hear(sampling, votes, networks, NamingRules())
    large, truths = _truths(labels, truth, names)
    told: Arrays = {
        "best": heard.evidence.best[large],
        "values": heard.side_values[large],
        "left": heard.legs.left[large] >= 0.5,
        "bone": np.array([name.partition(" ")[0] for name in truths]),
        "side": np.array([name.partition(" ")[2] for name in truths]),
    }
    np.savez(kept, **told)  # type: ignore[arg-type]
    return kept


def _truths(
    labels: Volume, truth: Volume, names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Labels, from 0, that are large enough, and what each is."""
    large, truths = [], []
    for label in range(1, int(labels.voxels.max()) + 1):
        inside = truth.voxels[labels.voxels == label]
        if len(inside) * truth.voxel_volume_mm3 >= SMALLEST_MM3:
            large.append(label - 1)
            truths.append(names[int(np.bincount(inside).argmax()) - 1])
    return np.array(large, dtype=np.int64), truths


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
    x, of = torch.from_numpy(judge.standardised(cases.values)), torch.from_numpy(cases.best)
    right, weight = torch.from_numpy(cases.right.astype(float)), torch.from_numpy(cases.weight)
    shared = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    own = torch.zeros((classes, x.shape[1]), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([shared, own], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        told = (x * (shared + own[of])).sum(dim=1)
        total = binary_cross_entropy_with_logits(told, right, weight)
        total = total + RIDGE * shared[1:].square().sum() + APART_RIDGE * own.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return Judge(tuple(features), low, high, (shared + own).detach().numpy())


def print_reliability(title: str, judge: Judge, cases: Cases) -> None:
    """How sure and how often right, by sureness."""
    sure = judge.sureness(cases.best, cases.values)
    print(f"\n| {title} | pieces | mean sureness, % | right, % |\n| --- | ---: | ---: | ---: |")
    for low, high in (*pairwise(BINS), (0.8, 1.01)):
        here = (sure >= low) & (sure < high)
        if here.any():
            means = f"{100 * sure[here].mean():.1f} | {100 * cases.right[here].mean():.1f}"
            print(f"| {low} to {min(high, 1)} | {here.sum()} | {means} |")


def main() -> None:
    """Hear, fit, tell how well it holds, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cuts", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    cuts = sorted(args.cuts.glob("cut-*.npz"))
    with ProcessPoolExecutor(args.jobs) as pool:
        parts = [dict(np.load(path)) for path in pool.map(hear_cut, cuts)]
    sizes = [len(part["best"]) for part in parts]
    every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    persons = [int(cut.stem.split("-")[1]) // CUTS_A_PERSON for cut in cuts]
    weight = np.repeat([min(1.0, MOST_OF_A_CUT / max(size, 1)) for size in sizes], sizes)
    classes = shipped_namer().config.classes
    told = np.array(classes)[every["best"]]
    right = told == every["bone"]
    sides = np.where(every["left"], "left", "right")
    bone = Cases(every["values"][:, : len(FEATURES)], every["best"], right, weight)
    side = Cases(every["values"], every["best"], sides == every["side"], weight)
    sided, out = right & (told != "other"), np.repeat(persons, sizes) % LEFT_OUT == 0
    both = (*FEATURES, *SIDE_FEATURES)
    tried = fit(bone.where(~out), len(classes), FEATURES)
    print_reliability("bone", tried, bone.where(out & (told != "other")))
    tried = fit(side.where(~out & sided), len(classes), both)
    print_reliability("side", tried, side.where(out & sided))
    judges = Judges(
        classes, fit(bone, len(classes), FEATURES), fit(side.where(sided), len(classes), both)
    )
    judges.save(args.output, {"cuts": len(cuts), "pieces": len(right)})


if __name__ == "__main__":
    main()
