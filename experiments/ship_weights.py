"""Turn a run's best checkpoint into the file that the package ships.

    .venv/bin/python experiments/ship_weights.py runs/mixed/best.safetensors [METRICS.json]

Weights go to float16, half the size; METRICS.json, measured on that file, goes into the header.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from afunet.models.checkpoint import load_checkpoint, save_checkpoint
from afunet.workflows.segment import shipped_weights


def main() -> None:
    """Write the shipped file and print its size and digest."""
    source = load_checkpoint(Path(sys.argv[1]))
    metrics = json.loads(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else {}
    header = dataclasses.replace(
        source.header,
        training={
            **source.header.training,
            "licence": "research use; see docs/model-card.md",
            "configurations": ["weights-1-real.toml", "weights-2-mixed.toml"],
        },
        metrics={**source.header.metrics, **metrics},
    )
    target = shipped_weights()
    target.parent.mkdir(exist_ok=True)
    digest = save_checkpoint(target, source.network(), header, half=True)
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")


if __name__ == "__main__":
    main()
