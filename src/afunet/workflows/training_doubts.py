"""A check whether a finished training has learnt anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afunet.training.recording import LOG, losses_in
from afunet.workflows.train import TrainingResult

LEAST_FALL = 0.02
LEAST_DICE = 0.05
TELLING_STEPS = 20


def doubts_about(result: TrainingResult, run: Path) -> list[str]:
    """Return a line if the run has learnt nothing, with possible reasons.

    Nothing is learnt if the Dice on val stays below `LEAST_DICE`. The same holds if, after at
    least `TELLING_STEPS` steps, the mean loss of the last tenth is not `LEAST_FALL` below that of
    the first and the Dice is under one half. A higher Dice without a fall of the loss is normal for
    a fine-tuned network.
    """
    losses = losses_in(run / LOG) if (run / LOG).is_file() else []
    if not losses:
        return []
    tenth = max(1, len(losses) // 10)
    first, last = (float(np.mean(part)) for part in (losses[:tenth], losses[-tenth:]))
    fell = len(losses) > 1 and last <= (1 - LEAST_FALL) * first
    loss = f"the loss went from {first:.3f} to {last:.3f} in {len(losses)} steps"
    if result.validation_dice < LEAST_DICE:
        why = (
            "the labels may not match their images or may mark something else than bone, or val "
            "may contain no bone"
            if fell
            else "the learning rate may be too low or far too high, or the steps too few"
        )
    elif result.validation_dice < 0.5 and not fell and len(losses) >= TELLING_STEPS:
        why = "the learning rate may be too low or far too high, or the steps too few"
    else:
        return []
    return [
        f"this run has learnt almost nothing: Dice on val {result.validation_dice:.3f}, "
        f"{loss}; {why}"
    ]
