"""Turn a checkpoint into the file that the package ships.

    .venv/bin/python experiments/ship_weights.py averaged.safetensors COMMIT THRESHOLD

Weights go to float16, half the size; COMMIT, the source that trained them, and THRESHOLD, chosen
on the validation split with benchmarks/threshold.py, go into the header.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.models.shipped import shipped_path


def main() -> None:
    """Write the shipped file and print its size and digest."""
    source = load_checkpoint(Path(sys.argv[1]))
    header = dataclasses.replace(
        source.header,
        training={
            **source.header.training,
            "commit": sys.argv[2],
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
        threshold=float(sys.argv[3]),
    )
    target = shipped_path()
    target.parent.mkdir(exist_ok=True)
    digest = save_checkpoint(target, source.network(), header, half=True)
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")


if __name__ == "__main__":
    main()
