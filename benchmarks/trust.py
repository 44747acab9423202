"""What the flags catch, what they cry wolf at, and whether the expected Dice is the true one.

    .venv/bin/python -m benchmarks.trust --limbs "$AFUNET_DATA/shapes-llp26/sample1*.npz" \
        [--weights FILE] [--legs 3] [--clean 6] [--first-seed 320000]

Simulated single legs of 16 slices without gaps, drawn as widely as those trained on but without
metal, from seeds that nothing was tuned on and, with `sample1*`, of shapes that no training saw.
The first `--legs` of them also with one thing wrong at a time (`trust_cases.py`); one missing or
three missing slices reuse the network's answer, as it looks at one slice at a time. Everything
goes the way of `afunet segment`: network, clean-up, pieces with
their names, measures, flags. Only warnings count.

Prints as Markdown how often the flag that should rise did, how often each flag rises on clean legs,
and how the expected Dice of a slice goes with the true one (mean absolute error, Spearman).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import spearmanr

from afunet.evaluation.overlap import count, dice
from afunet.findings import Severity
from afunet.inference.trust.flags import FLAGS
from afunet.inference.volume import FreshPrediction
from afunet.phantom import SIMULATOR, LegConfig
from afunet.preprocessing.orientation import Axial
from afunet.workflows.analyse import concluded
from afunet.workflows.phantom import limb_files
from benchmarks.bench import Network, parser_of, print_heading, print_row, scan_of
from benchmarks.trust_cases import (
    CHANGED,
    DROPPED,
    EXPECTED,
    REPORTED_SEED,
    SIMULATED,
    TrueCase,
    case_of,
    drawn_legs,
    without_slices,
)

POOR = 0.9


@dataclass(frozen=True, eq=False)
class Outcome:
    """Codes of the warnings that a case raised; expected and true Dice of its slices."""

    name: str
    codes: frozenset[str]
    dice: tuple[tuple[float, float], ...]


def judged(network: Network, name: str, case: TrueCase, prediction: FreshPrediction) -> Outcome:
    """The way from a case to its flags."""
    found = concluded(scan_of(case.scan), prediction, network.loaded)
    assert found.trust is not None
    signs = found.trust.signs
    flags = [flag for flag in found.trust.flags if flag.severity is Severity.WARNING]
    pairs = tuple(
        (expected, dice(count(found.mask.voxels[one.index], case.truth.voxels[one.index])))
        for one, expected in zip(signs.slices, signs.likely_dice, strict=True)
    )
    return Outcome(name, frozenset(flag.code for flag in flags), pairs)


def variants(network: Network, config: LegConfig, *, corrupted: bool) -> Iterator[Outcome]:
    """The leg as drawn, and with every single thing wrong."""
    whole = case_of(config)
    prediction = network.predict(whole.scan)
    yield judged(network, "clean", whole, prediction)
    if not corrupted:
        return
    for name, missing in DROPPED.items():
        case = TrueCase(*(without_slices(v, missing) for v in (whole.scan, whole.truth)))
        kept = (without_slices(v, missing) for v in (prediction.mask, prediction.probability))
        mask, probability = kept
        scan = Axial.of(case.scan)
        left = replace(prediction, scan=scan, mask=mask, probabilities=(probability,))
        yield judged(network, name, case, left)
    changed = ((name, change(whole)) for name, change in CHANGED.items())
    drawn = ((name, case_of(make(config))) for name, make in SIMULATED.items())
    for name, case in chain(changed, drawn):
        yield judged(network, name, case, network.predict(case.scan))


def outcomes(network: Network, first_seed: int, legs: int, clean: int, limbs: str) -> list[Outcome]:
    """Of all legs, told on the error stream one by one."""
    found: list[Outcome] = []
    for number, config in enumerate(drawn_legs(first_seed, max(legs, clean), limb_files(limbs))):
        for outcome in variants(network, config, corrupted=number < legs):
            found.append(outcome)
            low = min((true for _, true in outcome.dice), default=float("nan"))
            said = ", ".join(sorted(outcome.codes)) or "no warning"
            told = f"{config.seed} {outcome.name}: {said}; lowest Dice {low:.3f}"
            print(told, file=sys.stderr, flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--limbs", required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--legs", type=int, default=3)
    parser.add_argument("--clean", type=int, default=6)
    parser.add_argument("--first-seed", type=int, default=REPORTED_SEED)
    options = parser.parse_args(argv)
    network = Network(options.weights)
    found = outcomes(network, options.first_seed, options.legs, options.clean, options.limbs)
    print(f"{SIMULATOR}\n")
    print_heading("what is wrong", "flag that should rise", "rose:", "other warnings, times")
    for name, code in EXPECTED.items():
        own = [one for one in found if one.name == name]
        hits = sum(code in one.codes for one in own)
        others = Counter(other for one in own for other in one.codes - {code})
        said = ", ".join(f"{other} {times}" for other, times in others.most_common()) or "–"
        print_row(name, code, f"{hits} of {len(own)}", said)
    clean = [one for one in found if one.name == "clean"]
    alarms = Counter(code for one in clean for code in one.codes)
    print()
    print_heading("flag", f"rises on {len(clean)} clean legs:")
    for code in FLAGS:
        print_row(code, alarms[code])
    warned = [one for one in clean if one.codes]
    print_row("any warning", len(warned))
    bad = sum(min(true for _, true in one.dice) < POOR for one in warned)
    print(f"\n{bad} of these {len(warned)} legs have a slice whose true Dice is below {POOR}.")
    print()
    columns = ("number", "expected Dice", "true Dice", "mean error", "Spearman")
    print_heading("slices", *(f"{column}:" for column in columns))
    for title, chosen in (("clean", clean), ("all cases", found)):
        expected, true = np.array([pair for one in chosen for pair in one.dice]).T
        error = fmean(np.abs(expected - true))
        rank = spearmanr(expected, true).statistic
        means = f"{expected.mean():.4f}", f"{true.mean():.4f}", f"{error:.4f}"
        print_row(title, len(true), *means, f"{rank:.3f}")
    expected, true = np.array([pair for one in found for pair in one.dice]).T
    for limit in (0.9, 0.95):
        low, doubted = true < limit, expected < limit
        print(f"\n{low.sum()} of {len(true)} slices have a true Dice below {limit}: ", end="")
        print(f"{doubted[low].sum()} of them are expected below it, ", end="")
        print(f"and {doubted[~low].sum()} of the others.")


if __name__ == "__main__":
    main()
