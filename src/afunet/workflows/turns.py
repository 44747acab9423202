"""The order in which a comparison trains: every row with its first seed, then the second seeds.

So a comparison that is stopped early has compared as many rows as it could, in the order of the
list, which is the order of worth, before it repeats any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afunet.training.experiment import Experiment


@dataclass(frozen=True)
class Turn:
    """One run of one row; `seed` is None for a classical method, which needs no training."""

    experiment: Experiment
    seed: int | None

    @property
    def label(self) -> str:
        """The row, and the seed if it has several."""
        several = len(self.experiment.seeds) > 1
        return f"{self.experiment.label}, seed {self.seed}" if several else self.experiment.label


def turns_of(experiments: Sequence[Experiment]) -> list[Turn]:
    """Return all runs of all rows in the order in which they are made."""
    seeds = [one.seeds or (None,) for one in experiments]
    return [
        Turn(one, own[place])
        for place in range(max(map(len, seeds)))
        for one, own in zip(experiments, seeds, strict=True)
        if place < len(own)
    ]
