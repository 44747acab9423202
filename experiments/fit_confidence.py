"""Fit the expected Dice of one set of weights, and measure it on cases left out.

    .venv/bin/python -m experiments.fit_confidence CACHE -o afunet-w32.confidence.json
    .venv/bin/python -m experiments.fit_confidence OTHER_CACHE --judge afunet-w32.confidence.json

CACHE holds cases that `confidence_cases.py` left, predicted by `--weights`. Three lines through the
logarithms of the signs of doubt are fitted to the logarithm of a slice's error, one minus its Dice:
its 90th, 50th and 10th percentile (quantile regression; Koenker and Bassett 1978), every case with
the same weight, knees and simulated ones alike, and no sign lowering an error. The outer lines are
then moved until the slices of patients left out of the fit, a sixth at a time, lie beyond each as
seldom as they should (CQR; Romano et al. 2019), among knees and among simulated scans. The scan's
factors do the same for whole scans, whose errors are first taken to be the means of their slices'
expected ones. A true Dice above `BEST` counts as `BEST`, which is all that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from afunet.evaluation.overlap import Counts, count, dice
from afunet.evaluation.quantile_fit import conformal_percentile, quantile_line
from afunet.inference.trust.doubt import SliceDoubt, doubt_logs
from afunet.inference.trust.signs import measure_signs
from afunet.models.checkpoint import load_checkpoint
from afunet.models.expected_dice import DiceInterval, DiceModel, read_model, write_model
from afunet.models.shipped import shipped_path
from benchmarks.bench import parser_of, print_heading, print_row
from experiments.confidence_cases import SeenCase, load

SIGNS = tuple(one.name for one in fields(SliceDoubt))
COVERAGE, BEST = 0.8, 0.99
FOLDS = 6
OUTER = (1 - COVERAGE) / 2
FloatArray = NDArray[np.float64]
Pick = Callable[[list[float]], float]


@dataclass(frozen=True, eq=False)
class Judged:
    """A case's labelled slices: logarithms of their signs, true Dice, pixels; and the whole's Dice.

    `known` picks the signs of those slices out of `all_logs`, which hold every slice with bone.
    """

    name: str
    patient: str
    kind: str
    all_logs: FloatArray
    pixels: FloatArray
    known: NDArray[np.int64]
    dice: FloatArray
    scan_dice: float

    @property
    def logs(self) -> FloatArray:
        """Of the labelled slices."""
        return self.all_logs[self.known]

    @property
    def simulated(self) -> bool:
        """Whether the truth is exact."""
        return self.kind not in ("knee", "DICOM")

    def errors(self) -> FloatArray:
        """Logarithms of the slices' errors, as far as labels can tell."""
        return log_error(self.dice)


def log_error(dice: FloatArray) -> FloatArray:
    """Logarithm of one minus a Dice, as far as labels can tell."""
    return np.asarray(np.log(np.maximum(1 - dice, 1 - BEST)))


def judged(seen: SeenCase) -> Judged:
    """Signs and truth of a case."""
    evidence, case = seen.evidence(), seen.case
    signs = measure_signs(evidence)
    truth = evidence.view.apply(case.truth).voxels
    levels = np.flatnonzero(case.labelled).tolist()
    counts = {k: count(evidence.mask[k], truth[k]) for k in levels}
    known = [place for place, one in enumerate(signs.slices) if one.index in counts]
    return Judged(
        case.name,
        case.patient,
        case.kind,
        doubt_logs(signs.doubts, SIGNS),
        np.array([one.pixels for one in signs.slices], dtype=np.float64),
        np.array(known),
        np.array([dice(counts[signs.slices[place].index]) for place in known]),
        dice(sum(counts.values(), Counts())),
    )


def _weights(cases: Sequence[Judged]) -> FloatArray:
    """Of every slice: cases alike within real and simulated ones, and these two alike."""
    kinds = [case.simulated for case in cases]
    return np.concatenate(
        [np.full(len(c.dice), 1 / kinds.count(c.simulated) / len(c.dice)) for c in cases]
    )


def lines_of(cases: Sequence[Judged]) -> FloatArray:
    """(3, 1 + signs): of the low, the middle and the high Dice."""
    logs = np.vstack([case.logs for case in cases])
    errors, weights = np.concatenate([case.errors() for case in cases]), _weights(cases)
    shares = (1 - OUTER, 0.5, OUTER)
    return np.array([quantile_line(logs, errors, weights, share) for share in shares])


def predicted(lines: FloatArray, logs: FloatArray) -> FloatArray:
    """(slices, 3) logarithms of errors."""
    return np.asarray(np.hstack([np.ones((len(logs), 1)), logs]) @ lines.T)


def left_out(cases: Sequence[Judged]) -> Iterator[tuple[Judged, FloatArray]]:
    """Every case with lines that were fitted without its patient, in the order of the folds."""
    for chosen, rest in folds(cases):
        lines = lines_of(rest)
        yield from ((case, lines) for case in chosen)


def folds(cases: Sequence[Judged]) -> Iterator[tuple[list[Judged], list[Judged]]]:
    """Cases left out and the others, by patient; knees and simulated ones spread alike."""
    rng = np.random.default_rng(0)  # regions come in turn; a sixth must hold any of them
    real, simulated = (
        rng.permutation(sorted({case.patient for case in cases if case.simulated is kind})).tolist()
        for kind in (False, True)
    )
    for first in range(FOLDS):
        out = {*real[first::FOLDS], *simulated[first::FOLDS]}
        chosen = [case for case in cases if case.patient in out]
        if chosen:
            yield chosen, [case for case in cases if case.patient not in out]


def fitted(cases: Sequence[Judged], sha256: str) -> DiceModel:
    """The model of these cases."""
    lines, without = lines_of(cases), list(left_out(cases))
    shift = np.array([_shift(without, 0, 1 - OUTER), 0.0, _shift(without, 2, OUTER)])
    lines[:, 0] += shift
    ratios = [(case, scan_ratios(case, line, shift)) for case, line in without]
    picks: tuple[tuple[float, Pick], ...] = ((1 - OUTER, max), (0.5, fmean), (OUTER, min))
    factors = [
        np.exp(_across_groups([(case, ratio[k]) for case, ratio in ratios], share, pick))
        for k, (share, pick) in enumerate(picks)
    ]
    means = [np.average(case.all_logs, axis=0, weights=case.pixels) for case in cases]
    return DiceModel(
        sha256,
        COVERAGE,
        BEST,
        SIGNS,
        tuple(tuple(round(float(value), 5) for value in line) for line in lines),
        tuple(round(float(factor), 4) for factor in factors),  # type: ignore[arg-type]
        tuple(round(float(value), 4) for value in np.median(means, axis=0)),
        tuple(round(float(value), 4) for value in np.max(means, axis=0)),
    )


def scan_ratios(case: Judged, lines: FloatArray, shift: FloatArray) -> FloatArray:
    """Logarithms of a scan's error by the means of its slices' low, middle and high ones."""
    errors = np.clip(np.exp(predicted(lines, case.logs) + shift), 1 - BEST, 1)
    expected = np.average(errors, axis=0, weights=case.pixels[case.known])
    return np.asarray(log_error(np.array(case.scan_dice)) - np.log(expected))


def _shift(without: Sequence[tuple[Judged, FloatArray]], line: int, share: float) -> float:
    """By how much a line moves so that this share of left-out errors lies below it."""
    rest = [(case, case.errors() - predicted(lines, case.logs)[:, line]) for case, lines in without]
    return _across_groups(rest, share, max if share > 0.5 else min)


def _across_groups(
    values: Sequence[tuple[Judged, FloatArray | float]],
    share: float,
    pick: Pick,
) -> float:
    """A percentile in which every case counts alike, of real and of simulated ones, as picked."""
    found = []
    for simulated in (False, True):
        own = [np.atleast_1d(value) for case, value in values if case.simulated is simulated]
        if own:
            weights = np.concatenate([np.full(len(value), 1 / len(value)) for value in own])
            found.append(conformal_percentile(np.concatenate(own), weights, share))
    return float(pick(found))


def print_table(title: str, rows: Sequence[tuple[Judged, DiceModel]]) -> None:
    """How often the true Dice lies in the interval, how wide it is, how it ranks."""
    print(f"\n{title}\n")
    columns = ("in the interval:", "not below it:", "width:", "Spearman:")
    print_heading("cases", "slices:", *columns, "scans:", *columns)
    for kind in dict.fromkeys(case.kind for case, _ in rows):
        print_row(kind, *_cells([row for row in rows if row[0].kind == kind]))
    for name, simulated in (("all real", False), ("all simulated", True)):
        own = [row for row in rows if row[0].simulated is simulated]
        if own:
            print_row(name, *_cells(own))


def _cells(rows: Sequence[tuple[Judged, DiceModel]]) -> list[str]:
    told: list[str] = []
    slices = [
        (case, one, true)
        for case, model in rows
        for one, true in zip(slice_intervals(case, model), case.dice, strict=True)
    ]
    scans = [(c, scan_interval(c, m), c.scan_dice) for c, m in rows]
    for group in (slices, scans):
        above = np.array([one.low <= true for _, one, true in group])
        within = above & np.array([min(true, BEST) <= one.high for _, one, true in group])
        names = [case.name for case, _, _ in group]
        weights = [1 / names.count(name) for name in names]
        held, kept = (np.average(true, weights=weights) for true in (within, above))
        width = np.median([one.high - one.low for _, one, _ in group])
        middle, true = [one.middle for _, one, _ in group], [value for _, _, value in group]
        rank = spearmanr(middle, true).statistic if len(group) > 2 else float("nan")
        told += [f"{len(group)}", f"{held:.2f}", f"{kept:.2f}", f"{width:.3f}", f"{rank:.2f}"]
    return told


def slice_intervals(case: Judged, model: DiceModel) -> tuple[DiceInterval, ...]:
    """Of a case's labelled slices."""
    return model.slice_intervals(case.logs)


def scan_interval(case: Judged, model: DiceModel) -> DiceInterval:
    """Of a case's labelled slices together."""
    found = model.scan_interval(case.logs, case.pixels[case.known].tolist())
    assert found is not None
    return found


def print_scans(rows: Sequence[tuple[Judged, DiceModel]]) -> None:
    """Every scan's interval and its true Dice."""
    print()
    print_heading("scan", "true Dice:", "expected:", "in")
    for case, model in rows:
        one = scan_interval(case, model)
        held = "yes" if one.low <= min(case.scan_dice, BEST) <= one.high else "no"
        print_row(case.name, f"{case.scan_dice:.3f}", f"{one.low:.3f} to {one.high:.3f}", held)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit or judge, print, write."""
    parser = parser_of(__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--weights", type=Path, default=shipped_path())
    parser.add_argument("--judge", type=Path, help="measure this model instead of fitting one")
    options = parser.parse_args(argv)
    cases = [judged(load(path)) for path in sorted(options.cache.glob("*.npz"))]
    cases = [case for case in cases if len(case.dice)]
    if options.judge is not None:
        rows = [(case, read_model(options.judge)) for case in cases]
    else:
        sha256 = load_checkpoint(options.weights).sha256
        model = fitted(cases, sha256)
        if options.output is not None:
            write_model(model, options.output)
        print(model)
        rows = [
            (case, model)
            for chosen, rest in folds(cases)
            for model in [fitted(rest, sha256)]
            for case in chosen
        ]
    print_table("Judged" if options.judge else "Each case by a model fitted without it", rows)
    print_scans(rows)


if __name__ == "__main__":
    main()
