"""How much a split slice by slice flatters: two networks on the same slices.

    .venv/bin/python -m benchmarks.split_optimism runs/by_slice/best.safetensors \
        runs/afunet-seed1/best.safetensors runs/knee-by-slice "$AFUNET_DATA/knee"

The slices are those held out by the split by slice, of patients whom the split by patient keeps out
of training. To the first network, trained on the split by slice, their neighbours are known; to the
second, of the same recipe but split by patient, the patients are strangers. Prints the mean Dice
per slice of both and the first one's lead, with a bootstrap 95 % interval over patients.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.labelled import read_records
from afunet.data.slices import LabelledSlice
from afunet.evaluation.overlap import count, dice
from afunet.workflows.scoring import load_split
from benchmarks.bench import Network, parser_of

RESAMPLES = 5000
FloatArray = NDArray[np.float64]


def scores(weights: Path, slices: list[LabelledSlice]) -> FloatArray:
    network = Network(weights)
    pairs = ((network.probability(item) >= 0.5, item.mask > 0) for item in slices)
    return np.array([dice(count(found, true)) for found, true in pairs])


def interval(lead: FloatArray, patients: list[str]) -> tuple[float, float]:
    groups: dict[str, list[float]] = defaultdict(list)
    for patient, value in zip(patients, lead, strict=True):
        groups[patient].append(float(value))
    names, rng = list(groups), np.random.default_rng(0)
    means = []
    for _ in range(RESAMPLES):
        drawn = rng.choice(len(names), len(names))
        means.append(np.mean([value for index in drawn for value in groups[names[index]]]))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("by_slice", type=Path)
    parser.add_argument("by_patient", type=Path)
    parser.add_argument("store", type=Path, help="the store split by slice")
    parser.add_argument("folder", type=Path, help="the data split by patient")
    options = parser.parse_args(argv)
    trained_on = {
        record.patient for record in read_records(options.folder) if record.split == "train"
    }
    held_out = load_split(options.store, "val")
    strangers = [item for item in held_out if item.record.patient not in trained_on]
    patients = [item.record.patient for item in strangers]
    first = scores(options.by_slice, strangers)
    second = scores(options.by_patient, strangers)
    print(f"{len(strangers)} slices of {len(set(patients))} patients")
    for status in (None, "checked"):
        kept = [status in (None, item.record.status) for item in strangers]
        lead = (first - second)[kept]
        low, high = interval(lead, [p for p, keep in zip(patients, kept, strict=True) if keep])
        print(
            f"{status or 'all'}: split by slice {first[kept].mean():.4f}, by patient "
            f"{second[kept].mean():.4f}, lead {lead.mean():+.4f} [{low:+.4f}, {high:+.4f}] over "
            f"{sum(kept)} slices"
        )


if __name__ == "__main__":
    main()
