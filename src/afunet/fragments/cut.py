"""Where fragments touch, and where a bone may be broken although it was not parted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """Where two fragments touch, or may: `one` and `other` are labels, the same if not parted.

    `centre_mm` is in LPS.
    """

    one: int
    other: int
    area_mm2: float
    probability: float
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Suspicion:
    """A cut that was not made, the volume of the smaller side, and where it would go through.

    `places_mm` (N, 3), in LPS, are the middles of the faces that both sides share; there are none,
    and no volume, if the suspicion was read from a file.
    """

    cut: Cut
    smaller_mm3: float = 0.0
    places_mm: FloatArray = field(default_factory=lambda: np.empty((0, 3)))

    def in_words(self, name: str, slice_number: int) -> str:
        """Say where the bone of this name may be broken, in a slice as a viewer counts it."""
        place = ", ".join(f"{value:.0f}" for value in self.cut.centre_mm)
        return (
            f"{name} may be broken near ({place}) mm, slice {slice_number}, with fragments that "
            f"touch (probability {self.cut.probability:.2f}, {self.cut.area_mm2 / 100:.1f} cm²): "
            "it was not parted, look there"
        )
