"""Weights between two checkpoints of one network, the second trained on from the first.

    .venv/bin/python experiments/average_weights.py FIRST SECOND SHARE OUTPUT

Every weight and batch statistic is (1 − SHARE) · FIRST + SHARE · SECOND: between a network and the
same fine-tuned for something new, much of the new is had for little of the old (Wortsman et al.
2022). The header is SECOND's; what was averaged goes into it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from afunet.errors import CheckpointError
from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.weights_file import single


def main() -> None:
    """Average, save, print the digest."""
    first, second = (load_checkpoint(Path(name)) for name in sys.argv[1:3])
    share, output = float(sys.argv[3]), Path(sys.argv[4])
    ours, theirs = single(first.weights), single(second.weights)
    if {key: value.shape for key, value in ours.items()} != {
        key: value.shape for key, value in theirs.items()
    }:
        raise CheckpointError("the two checkpoints are of different networks: give two of one")
    mixed = {
        key: value.lerp(theirs[key], share) if value.is_floating_point() else theirs[key]
        for key, value in ours.items()
    }
    averaged = {"first": first.sha256, "second": second.sha256, "share": share}
    training = {**second.header.training, "averaged": averaged}
    header = dataclasses.replace(second.header, training=training, metrics={})
    network = second.network()
    network.load_state_dict(mixed)
    print(f"{output}: SHA-256 {save_checkpoint(output, network, header)}")


if __name__ == "__main__":
    main()
