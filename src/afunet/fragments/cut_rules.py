"""How likely a border inside a bone is one of two fragments: a logistic rule of a few measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError
from afunet.fragments.agglomeration import Border

Float32Array = NDArray[np.float32]
LARGE_MM3 = 10_000.0
"""A fragment is not likelier for being larger than this."""
NOISE = (0.03, 0.3)
"""The mean contact of a bone is not told below and above this."""
MEASURES = ("contact", "size", "neck", "noise")
"""What `measures_of` returns."""


@dataclass(frozen=True)
class CutRules:
    """When two fragments touch rather than are one.

    A border's probability is logistic: its logarithmic odds are `bias` plus the sum of `weights`
    times `measures_of`. Fragments are parted from `sure` on; from `suspected` on, a border is told
    if both sides have `least_suspected_mm3`. No fragment is smaller than `least_mm3`.
    """

    bias: float = -19.2
    weights: tuple[float, float, float, float] = (20.0, 6.0, 0.0, 0.0)
    sure: float = 0.5
    suspected: float = 0.2
    least_mm3: float = 50.0
    least_suspected_mm3: float = 1000.0

    def __post_init__(self) -> None:
        if not 0 < self.suspected <= self.sure < 1:
            raise ConfigError(
                f"suspected and sure must be above 0 and below 1 and in this order, got "
                f"{self.suspected} and {self.sure}"
            )

    def probability(self, border: Border, smaller: int, voxel_mm3: float, noise: float) -> float:
        """How likely fragments meet at a border, from 0 to 1 (`measures_of`)."""
        measures = measures_of(border, smaller, voxel_mm3, noise)
        odds = self.bias + sum(w * one for w, one in zip(self.weights, measures, strict=True))
        return float(1 / (1 + np.exp(-odds)))


def measures_of(
    border: Border, smaller: int, voxel_mm3: float, noise: float
) -> tuple[float, float, float, float]:
    """What tells a cut: `MEASURES` of a border whose smaller side has so many cubic voxels.

    The mean contact, from 0 to 1; the decimal logarithm of the smaller side's cm³, of which no more
    than `LARGE_MM3` counts; the logarithm of the border's faces for each face of a cube with the
    smaller side's volume, which is low where a bone is thin; and the logarithm of `noise`, the mean
    contact of the whole bone (`noise_of`).
    """
    size = np.log10(min(max(smaller, 1) * voxel_mm3, LARGE_MM3) / 1000)
    neck = np.log(border.faces / max(smaller, 1) ** (2 / 3))
    return border.mean, float(size), float(neck), float(np.log(np.clip(noise, *NOISE)))


def noise_of(contact: Float32Array, mask: NDArray[np.bool_]) -> float:
    """The mean contact of a bone, from 0 to 1."""
    return float(contact[mask].mean()) if mask.any() else 0.0
