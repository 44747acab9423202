"""How slices change from one to the next: a lost slice or a jump in position stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.inference.trust.evidence import Evidence

FloatArray = NDArray[np.float64]
BLOCK = 4
LOW_HU, HIGH_HU = -300.0, 300.0
NEAR = 4  # steps on each side with which a step is compared


@dataclass(frozen=True, eq=False)
class Steps:
    """Changes between neighbouring slices; NaN where neither slice has bone.

    `mask` and `image` (slices - 1,) are from slice i to i + 1: one minus the Dice of their masks,
    and the mean difference in HU of coarse pixels that are not air in both. `lost` (slices,) is by
    how much slice i agrees less with either neighbour than they agree with each other: above 0
    something is in one slice alone, or missing in it alone.
    """

    mask: FloatArray
    image: FloatArray
    lost: FloatArray

    def jumps(self) -> FloatArray:
        """How many times as large as usual nearby each step is, by mask and image alike.

        Where a joint begins the mask changes at once but the image does not; a slice that is
        missing shows in both.
        """
        return np.asarray(np.minimum(unusual(self.mask), unusual(self.image)))


def measure_steps(evidence: Evidence) -> Steps:
    """Compare every slice with the next."""
    slices = len(evidence.mask)
    sizes = evidence.mask.reshape(slices, -1).sum(axis=1, dtype=np.int64)
    mask, lost = np.full(max(slices - 1, 0), np.nan), np.full(slices, np.nan)
    image = mask.copy()
    before: NDArray[Any] | None = None
    for index in range(slices):
        coarse = _coarse(evidence.hu[index])
        if before is not None:
            image[index - 1] = _difference(before, coarse)
            mask[index - 1] = _change(evidence.mask, sizes, index - 1, index)
        before = coarse
    for index in range(1, slices - 1):
        across = _change(evidence.mask, sizes, index - 1, index + 1)
        lost[index] = min(mask[index - 1], mask[index]) - across
    return Steps(mask, image, lost)


def unusual(values: FloatArray) -> FloatArray:
    """Each value over the larger of the medians of the `NEAR` before it and the `NEAR` after it.

    So where anatomy begins to change faster a step is no larger than those beyond it. NaN where
    one side has fewer than two numbers.
    """
    ratios = np.full(len(values), np.nan)
    for index, value in enumerate(values):
        low = values[max(0, index - NEAR) : index]
        high = values[index + 1 : index + 1 + NEAR]
        known = [side[np.isfinite(side)] for side in (low, high)]
        if np.isfinite(value) and all(len(side) >= 2 for side in known):
            ratios[index] = value / max(*(float(np.median(side)) for side in known), 1e-6)
    return ratios


def _change(mask: NDArray[np.uint8], sizes: NDArray[np.int64], one: int, other: int) -> float:
    total = int(sizes[one] + sizes[other])
    if total == 0:
        return float("nan")
    both = int(np.count_nonzero(mask[one] & mask[other]))
    return 1 - 2 * both / total


def _coarse(plane: NDArray[Any]) -> NDArray[np.float32]:
    rows, columns = (size // BLOCK * BLOCK for size in plane.shape)
    clipped = np.clip(plane[:rows, :columns], LOW_HU, HIGH_HU).astype(np.float32)
    blocks = clipped.reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    body = (one > LOW_HU + 1) | (other > LOW_HU + 1)
    return float(np.abs(one - other)[body].mean()) if body.any() else float("nan")
