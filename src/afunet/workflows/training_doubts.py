"""Whether a finished training has learnt anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afunet.training.recording import LOG, losses_in
from afunet.workflows.train import TrainingResult

LEAST_FALL = 0.02
LEAST_DICE = 0.05
TELLING_STEPS = 20


def doubts_about(result: TrainingResult, run: Path) -> list[str]:
    """A line where the run has learnt nothing, with what may be the reason.

    Nothing is learnt where no case's Dice on val reaches `LEAST_DICE`, or where the mean loss of
    the last tenth of at least `TELLING_STEPS` steps is not `LEAST_FALL` below that of the first and
    the Dice is under one half: a fine-tuned network may begin where it ends.
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
            "the labels may not lie on their images, mark something else than bone, or val may "
            "hold no bone"
            if fell
            else "the learning rate may be too low or far too high, or the steps too few"
        )
    elif result.validation_dice < 0.5 and not fell and len(losses) >= TELLING_STEPS:
        why = "the learning rate may be too low or far too high, or the steps too few"
    else:
        return []
    return [
        f"this run has learnt nothing to speak of: Dice on val {result.validation_dice:.3f}, "
        f"{loss}; {why}"
    ]
