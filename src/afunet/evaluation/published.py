"""Scores printed in a paper, and a check whether one way of averaging can give all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from afunet.errors import ConfigError


@dataclass(frozen=True)
class PublishedScores:
    """Percentages as printed.

    For pooled counts, IoU = Dice / (2 − Dice), and Dice is the harmonic mean of recall and
    precision. For means over slices or cases, the IoU is at least Dice / (2 − Dice), which is
    convex, and the Dice is at most the harmonic mean, which is concave. No single way of averaging
    gives scores beyond these bounds. `pooled_iou` is the IoU of pooled counts with this Dice,
    `pooled_dice` the Dice of pooled counts with this recall and precision.
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
                raise ConfigError(f"[experiment.paper] {name} must be from 0 to 100 %, got {value}")
        total = self.recall + self.precision
        pooled_dice = 2 * self.recall * self.precision / total if total else 0.0
        object.__setattr__(self, "pooled_iou", 100 * self.dice / (200 - self.dice))
        object.__setattr__(self, "pooled_dice", pooled_dice)
