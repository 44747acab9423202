"""What the window size at inference does to a trained network, on a validation split.

    .venv/bin/python -m benchmarks.windows WEIGHTS SLICE_FOLDER [--status checked]

A network with global pooling and batch normalisation is trained on crops of one size. This prints
mean Dice per case and seconds per slice for windows of that size, smaller and larger ones, and
whole slices, so that the choice in docs/decisions/003-windows.md can be measured again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from afunet.models.checkpoint import load_checkpoint
from afunet.workflows.evaluate import evaluate_network
from benchmarks.bench import parser_of


def main(argv: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--status")
    options = parser.parse_args(argv)
    trained = load_checkpoint(options.weights).header.patch_px
    for patch in (128, trained, 256, 384, 512):
        start = time.perf_counter()
        result = evaluate_network(
            options.folder,
            options.split,
            weights=options.weights,
            status=options.status,
            patch_px=patch,
        )
        agreement = result.agreement
        slices = agreement.slices + agreement.empty_slices
        seconds = (time.perf_counter() - start) / slices
        mark = " (as trained)" if patch == trained else ""
        dice = agreement.per_case["dice"]
        worst = min(values["dice"] for values in result.cases.values())
        scores = f"Dice {dice:.4f}, worst case {worst:.4f}"
        print(f"{patch:4d} px{mark}: {scores}, {seconds:.2f} s/slice", flush=True)


if __name__ == "__main__":
    main()
