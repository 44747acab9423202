"""Turn a checkpoint into the files that the package ships: weights and, beside them, ONNX.

    .venv/bin/python -m experiments.ship_weights averaged.safetensors COMMIT THRESHOLD \
        --recipes weights-lean-1.toml weights-lean-2.toml [--any-size] [-o FILE]

Weights go to float16, half the size; COMMIT, the source that trained them, the recipes, and
THRESHOLD, chosen on the validation split with benchmarks/threshold.py, go into the header.
`--any-size` says that benchmarks/passes.py found the network as good in windows around dense
tissue.
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
    parser.add_argument("--recipes", nargs="+", required=True, help="the training's TOML files")
    parser.add_argument("--any-size", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=shipped_path())
    options = parser.parse_args(argv)
    source, target = load_checkpoint(options.weights), options.output
    header = dataclasses.replace(
        source.header,
        training={
            **source.header.training,
            "commit": options.commit,
            "licence": "research use; see docs/model-card.md",
            "configurations": options.recipes,
        },
        threshold=options.threshold,
        any_size=options.any_size or source.header.any_size,
    )
    target.parent.mkdir(exist_ok=True)
    digest = save_checkpoint(target, source.network(), header, half=True)
    export_onnx(load_checkpoint(target), target.with_suffix(SUFFIX))
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")


if __name__ == "__main__":
    main()
