"""Scores as a paper prints them, and whether they can come from one way of averaging."""

from __future__ import annotations

from dataclasses import dataclass, field

from afunet.errors import ConfigError


@dataclass(frozen=True)
class PublishedScores:
    """Percentages as printed.

    Pooled counts give IoU = Dice / (2 − Dice) and Dice = the harmonic mean of recall and
    precision exactly. Means over slices or cases give a mean IoU of at least the first, because
    Dice / (2 − Dice) is convex, and a mean Dice of at most the second, because the harmonic mean
    is concave. Scores beyond these bounds come from no single way of averaging. `pooled_iou` is the
    IoU that pooled counts with this Dice have, `pooled_dice` the Dice of this recall and precision.
    """

    dice: float
    iou: float
    recall: float
    precision: float
    pooled_iou: float = field(init=False)
    pooled_dice: float = field(init=False)

    def __post_init__(self) -> None:
        for name in ("dice", "iou", "recall", "precision"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"[experiment.paper] {name} must be a number, got {value!r}")
            if not 0 <= value <= 100:
                raise ConfigError(
                    f"[experiment.paper] {name} must be 0 to 100 per cent, got {value}"
                )
        total = self.recall + self.precision
        pooled_dice = 2 * self.recall * self.precision / total if total else 0.0
        object.__setattr__(self, "pooled_iou", 100 * self.dice / (200 - self.dice))
        object.__setattr__(self, "pooled_dice", pooled_dice)
