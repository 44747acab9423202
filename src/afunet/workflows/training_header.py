"""What the header of a trained network says of its training."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from afunet.data.sampler import Source
from afunet.inference.cutting import LEAST_PX
from afunet.models.checkpoint import Checkpoint
from afunet.models.header import Header
from afunet.preprocessing import BONE_WINDOW
from afunet.training.config import TrainingConfig
from afunet.workflows.lineage import Lineage


def header_of_run(
    config: TrainingConfig,
    sources: Iterable[Source],
    classes: tuple[str, ...],
    parent: Checkpoint | None,
    lineage: Lineage,
) -> Header:
    """Return the header of a run that starts from `parent`, with step 0 and no score yet."""
    return Header(
        model=config.model,
        options=dict(config.options),
        window_hu=(BONE_WINDOW.low_hu, BONE_WINDOW.high_hu),
        spacing_mm=config.spacing_mm,
        patch_px=config.crop.size_px,
        training={
            "data": [Path(entry.path).name for entry in config.data],
            "slices": [len(source.slices) for source in sources],
            "step": 0,
            "steps": config.steps,
            "batch_size": config.batch_size,
            "seed": config.seed,
            **({} if config.distillation is None else {"teacher": config.distillation.teacher}),
            **({"lineage": list(lineage)} if lineage else {}),
            "commit": _commit(),
        },
        classes=classes,
        any_size=sees_any_size(config, parent),
    )


def sees_any_size(config: TrainingConfig, parent: Checkpoint | None) -> bool:
    """Whether the network may be run in windows of any size (`Header.any_size`).

    It may if its crops have many sides, from the least of such a window to twice that or more; or
    if the weights it starts from may, and its crops are no smaller than theirs.
    """
    if sides := config.crop.sizes_px:
        return min(sides) <= LEAST_PX and max(sides) >= 2 * LEAST_PX
    if parent is None:
        return False
    return parent.header.any_size and config.crop.size_px >= parent.header.patch_px


def _commit() -> str:
    """Return the source's commit if the package runs from a checkout, else "unknown"."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
