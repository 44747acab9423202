"""Turn a checkpoint into the files that the package ships: weights and, beside them, ONNX.

    .venv/bin/python -m experiments.ship_weights averaged.safetensors COMMIT THRESHOLD

Weights go to float16, half the size; COMMIT, the source that trained them, and THRESHOLD, chosen
on the validation split with benchmarks/threshold.py, go into the header.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.export import export_onnx
from afunet.models.onnx_file import SUFFIX
from afunet.models.shipped import shipped_path
from benchmarks.bench import parser_of


def main(argv: Sequence[str] | None = None) -> None:
    """Write the shipped file and print its size and digest."""
    parser = parser_of(__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("commit")
    parser.add_argument("threshold", type=float)
    parser.add_argument("-o", "--output", type=Path, default=shipped_path())
    options = parser.parse_args(argv)
    source, target = load_checkpoint(options.weights), options.output
    header = dataclasses.replace(
        source.header,
        training={
            **source.header.training,
            "commit": options.commit,
            "licence": "research use; see docs/model-card.md",
            "configurations": [
                "weights-1-real.toml",
                "weights-2-mixed.toml",
                "weights-3-wide.toml",
                "weights-4-contrast.toml",
                "weights-5-joints.toml",
                "weights-6-fractures.toml",
            ],
        },
        threshold=options.threshold,
    )
    target.parent.mkdir(exist_ok=True)
    digest = save_checkpoint(target, source.network(), header, half=True)
    export_onnx(load_checkpoint(target), target.with_suffix(SUFFIX))
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")


if __name__ == "__main__":
    main()
