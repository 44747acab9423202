"""Validation Dice of weights at several thresholds: where the operating point is best.

    .venv/bin/python benchmarks/threshold.py WEIGHTS SLICE_FOLDER [--status checked]

Focal loss leaves the probabilities at an outline cautious, so that 0.5 draws it too tight. Prints
the mean Dice per case, recall and precision at each threshold.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean

from afunet.evaluation.overlap import Counts, count, dice, precision, recall
from afunet.inference.engines.factory import best_engine
from afunet.inference.predictor import Predictor
from afunet.models.checkpoint import load_checkpoint
from afunet.workflows.scoring import load_split, of_status

THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--status")
    options = parser.parse_args()
    checkpoint = load_checkpoint(options.weights)
    engine, _ = best_engine(checkpoint)
    predictor = Predictor(engine, checkpoint.header.patch_px)
    cases: dict[str, dict[float, Counts]] = {}
    for item in of_status(load_split(options.folder, "val"), options.status, "val"):
        probability = predictor.of_grey(item.grey).probability[0, 0]
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
