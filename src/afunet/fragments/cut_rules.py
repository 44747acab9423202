"""How likely a border inside a bone is one of two fragments: a logistic rule of a few measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.errors import ConfigError
from afunet.fragments.agglomeration import Border

LARGE_MM3 = 10_000.0
"""A fragment is not likelier for being larger than this."""
NECK = (-1.0, 1.5)
"""Spurs of a bone hang on narrower necks than fragments do: between these a neck tells more."""
MEASURES = ("contact", "size", "neck")
"""What `measures_of` returns."""


@dataclass(frozen=True)
class CutRules:
    """When two fragments touch rather than are one.

    A border's probability is logistic: its logarithmic odds are `bias` plus the sum of `weights`
    times `measures_of`. Fragments are parted from `sure` on; from `suspected` on, a border is told
    if both sides have `least_suspected_mm3`. No fragment is smaller than `least_mm3`, and none that
    touches another smaller than `least_touching_mm3`. `experiments.fit_cuts` fitted `bias` and
    `weights` on joins of that size.
    """

    bias: float = -7.21
    weights: tuple[float, float, float] = (7.30, 1.76, -1.08)
    sure: float = 0.5
    suspected: float = 0.4
    least_mm3: float = 50.0
    least_touching_mm3: float = 1000.0
    least_suspected_mm3: float = 1000.0

    def __post_init__(self) -> None:
        if not 0 < self.suspected <= self.sure < 1:
            raise ConfigError(
                f"suspected and sure must be above 0 and below 1 and in this order, got "
                f"{self.suspected} and {self.sure}"
            )

    def probability(self, border: Border, smaller: int, voxel_mm3: float) -> float:
        """How likely fragments meet at a border, from 0 to 1 (`measures_of`)."""
        measures = measures_of(border, smaller, voxel_mm3)
        odds = self.bias + sum(w * one for w, one in zip(self.weights, measures, strict=True))
        return float(1 / (1 + np.exp(-odds)))


def measures_of(border: Border, smaller: int, voxel_mm3: float) -> tuple[float, float, float]:
    """What tells a cut: `MEASURES` of a border whose smaller side has so many cubic voxels.

    The mean contact, from 0 to 1; the decimal logarithm of the smaller side's cm³, of which no more
    than `LARGE_MM3` counts; and the logarithm of the border's area over that of a face of a cube
    with the smaller side's volume, which is low where only a neck joins both.
    """
    size = np.log10(min(max(smaller, 1) * voxel_mm3, LARGE_MM3) / 1000)
    neck = np.log(border.faces / max(smaller, 1) ** (2 / 3))
    return border.mean, float(size), float(np.clip(neck, *NECK))
