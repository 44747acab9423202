"""Validation Dice of weights at several thresholds: where the operating point is best.

    .venv/bin/python -m benchmarks.threshold WEIGHTS SLICE_FOLDER [--status checked]

Focal loss leaves the probabilities at an outline cautious, so that 0.5 draws it too tight. Prints
the mean Dice per case, recall and precision at each threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from afunet.evaluation.overlap import Counts, count, dice, precision, recall
from afunet.workflows.scoring import load_split, of_status
from benchmarks.bench import Network, parser_of

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--status")
    options = parser.parse_args(argv)
    network = Network(options.weights)
    cases: dict[str, dict[float, Counts]] = {}
    for item in of_status(load_split(options.folder, "val"), options.status, "val"):
        probability = network.probability(item)
        case = cases.setdefault(item.record.case, dict.fromkeys(THRESHOLDS, Counts()))
        for threshold in THRESHOLDS:
            case[threshold] += count(probability >= threshold, item.mask > 0)
    for threshold in THRESHOLDS:
        means = [
            fmean(metric(case[threshold]) for case in cases.values())
            for metric in (dice, recall, precision)
        ]
        print(f"{threshold:.2f}: Dice {means[0]:.4f}, recall {means[1]:.4f}, ", end="")
        print(f"precision {means[2]:.4f}")


if __name__ == "__main__":
    main()
