"""Where a bone may be broken although it was not parted, in the axial slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.fragments.cut import Suspicion
from afunet.geometry import Volume

FloatArray = NDArray[np.float64]
NEAR_MM = 0.5
"""A slice shows what is up to this far from its middle, or within half its thickness."""


@dataclass(frozen=True, eq=False)
class Suspected:
    """A suspicion and its places (N, 3) as (slice, row, column) indices of the axial slices."""

    suspicion: Suspicion
    places: FloatArray
    slice_mm: float

    @classmethod
    def of(cls, suspicion: Suspicion, axial: Volume) -> Suspected:
        """Bring a suspicion, which has a place or more, to the grid of the axial slices."""
        places = axial.to_indices(suspicion.places_mm)[:, ::-1]
        return cls(suspicion, places, axial.array_spacing_mm[0])

    @property
    def index(self) -> int:
        """The slice in which the line is longest."""
        first, last = np.rint(self.places[:, 0].min()), np.rint(self.places[:, 0].max())
        return max(range(int(first), int(last) + 1), key=lambda index: len(self.line(index)))

    def line(self, index: int) -> FloatArray:
        """The places (N, 2) in a slice as (row, column)."""
        near = np.abs(self.places[:, 0] - index) <= max(NEAR_MM / self.slice_mm, 0.5)
        return np.asarray(self.places[near, 1:])
