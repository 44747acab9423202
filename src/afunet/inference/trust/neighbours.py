"""How slices change from one to the next: a lost slice or a jump in position stands out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.inference.trust.evidence import Evidence

FloatArray = NDArray[np.float64]
BLOCK = 4
LOW_HU, HIGH_HU = -300.0, 300.0
NEAR = 3  # steps on each side with which a step is compared
LEAST_GROWTH = 0.2  # by which share a step over two slices at least exceeds one


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes from slice i to i + 1, `one` (slices - 1,), and to i + 2, `two` (slices - 2,)."""

    one: FloatArray
    two: FloatArray

    @classmethod
    def unknown(cls, slices: int) -> Changes:
        """All NaN."""
        return cls(np.full(max(slices - 1, 0), np.nan), np.full(max(slices - 2, 0), np.nan))

    def in_slices(self) -> FloatArray:
        """How many slices on every step leads, by what one and two slices change nearby.

        1 where a step changes as much as the `NEAR` steps before and after it (the mean of both
        medians), 2 where as much as the steps over two slices there, and so on in a line. NaN
        where one side has fewer than two numbers.
        """
        found = np.full(len(self.one), np.nan)
        for index, value in enumerate(self.one):
            low, high = max(0, index - NEAR), index + NEAR
            one = _between(self.one[low:index], self.one[index + 1 : high + 1])
            two = _between(self.two[low : max(index - 1, 0)], self.two[index + 1 : high])
            if np.isfinite([value, one, two]).all():
                growth = max(two - one, LEAST_GROWTH * one, 1e-6)
                found[index] = max(0.0, 1 + (value - one) / growth)
        return found


@dataclass(frozen=True, eq=False)
class Steps:
    """Changes between slices; NaN where neither of the two has bone.

    `mask` is one minus the Dice of their masks, `image` the mean difference in HU of coarse pixels
    that are not air in both. `lost` (slices,) is by how much slice i agrees less with either
    neighbour than they agree with each other: above 0 something is in one slice alone, or missing
    in it alone.
    """

    mask: Changes
    image: Changes
    lost: FloatArray

    def in_slices(self) -> FloatArray:
        """How many slices on every step leads, (slices - 1,), by mask and image alike.

        Where a joint begins the mask changes at once but the image does not; a slice that is
        missing shows in both.
        """
        return np.asarray(np.minimum(self.mask.in_slices(), self.image.in_slices()))


def measure_steps(evidence: Evidence) -> Steps:
    """Compare every slice with the next and with the one after it."""
    slices = len(evidence.mask)
    sizes = evidence.mask.reshape(slices, -1).sum(axis=1, dtype=np.int64)
    mask, image = Changes.unknown(slices), Changes.unknown(slices)
    before: deque[NDArray[np.float32]] = deque(maxlen=2)
    for index in range(slices):
        coarse = _coarse(evidence.hu[index])
        for found, drawn, back in ((mask.one, image.one, 1), (mask.two, image.two, 2)):
            if index >= back:
                found[index - back] = _change(evidence.mask, sizes, index - back, index)
                drawn[index - back] = _difference(before[-back], coarse)
        before.append(coarse)
    lost = np.full(slices, np.nan)
    if slices > 2:
        lost[1:-1] = np.minimum(mask.one[:-1], mask.one[1:]) - mask.two
    return Steps(mask, image, lost)


def _between(below: FloatArray, above: FloatArray) -> float:
    """The mean of the medians of both sides; NaN where one has fewer than two numbers."""
    known = [side[np.isfinite(side)] for side in (below, above)]
    if min(len(side) for side in known) < 2:
        return float("nan")
    return float(np.mean([np.median(side) for side in known]))


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
