"""Weights between two checkpoints of one network, the second trained on from the first.

    .venv/bin/python -m experiments.average_weights FIRST SECOND SHARE OUTPUT

Every weight and batch statistic is (1 − SHARE) · FIRST + SHARE · SECOND: between a network and the
same fine-tuned for something new, much of the new is had for little of the old (Wortsman et al.
2022). The header is SECOND's; what was averaged goes into it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from afunet.errors import CheckpointError
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.weights_file import Array, single
from benchmarks.bench import parser_of

Weights = Mapping[str, Array]


def between(first: Weights, second: Weights, share: float) -> dict[str, Array]:
    """(1 − `share`) · `first` + `share` · `second`; counters are the second's."""
    ours, theirs = single(first), single(second)
    if {key: value.shape for key, value in ours.items()} != {
        key: value.shape for key, value in theirs.items()
    }:
        raise CheckpointError("the two checkpoints are of different networks: give two of one")
    return {
        key: mean_of(value, theirs[key], share) if value.dtype == np.float32 else theirs[key]
        for key, value in ours.items()
    }


def mean_of(first: Array, second: Array, share: float) -> Array:
    """The mean in float64, rounded once."""
    exact = first.astype(np.float64)
    return np.asarray(exact + share * (second - exact), dtype=np.float32)


def main(argv: Sequence[str] | None = None) -> None:
    """Average, save, print the digest."""
    parser = parser_of(__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("share", type=float)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(argv)
    first, second = (load_checkpoint(path) for path in (options.first, options.second))
    mixed = between(first.weights, second.weights, options.share)
    averaged = {"first": first.sha256, "second": second.sha256, "share": options.share}
    training = {**second.header.training, "averaged": averaged}
    header = dataclasses.replace(second.header, training=training, metrics={})
    network = dataclasses.replace(second, weights=mixed).network()
    print(f"{options.output}: SHA-256 {save_checkpoint(options.output, network, header)}")


if __name__ == "__main__":
    main()
