"""How slices change from one to the next: a missing slice or a jump in position stands out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.evidence import Evidence
from afunet.watch import UNWATCHED, Watch

FloatArray = NDArray[np.float64]
BLOCK = 4
LOW_HU, HIGH_HU = -300.0, 300.0
BESIDE_BLOCKS = 2  # blocks beside the bone that are left out of the soft tissue
NEAR = 3  # a step is compared with so many steps on each side
BONE_ALONE = 2.0  # times as many slices by the mask as by the image: no missing slice does that
LEAST_GROWTH = 0.2  # a step over two slices changes at least this share more than one


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes from slice i to i + 1 in `one` (slices - 1,), to i + 2 in `two` (slices - 2,)."""

    one: FloatArray
    two: FloatArray

    @classmethod
    def unknown(cls, slices: int) -> Changes:
        """All NaN."""
        return cls(np.full(max(slices - 1, 0), np.nan), np.full(max(slices - 2, 0), np.nan))

    @cached_property
    def in_slices(self) -> FloatArray:
        """How many slices each step seems to span, compared with the steps nearby.

        A step spans 1 slice if it changes as much as the `NEAR` steps before and after it (the mean
        of both medians), 2 if it changes as much as steps over two slices there, and so on in a
        straight line. NaN if one side has fewer than two numbers.
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
    """Changes between slices.

    - `mask`: one minus the Dice of the two masks; NaN if neither has bone
    - `image`: mean difference in HU of coarse pixels, without those that are air in both
    - `flesh`: the same, without pixels near the bone of either slice
    - `lost` (slices,): how much less slice i agrees with its neighbours than they agree with each
      other; above 0 something is in this slice alone, or is missing in it alone
    """

    mask: Changes
    image: Changes
    flesh: Changes
    lost: FloatArray

    def in_slices(self) -> FloatArray:
        """How many slices each step spans, (slices - 1,): the least by mask, image and flesh.

        Where a joint begins, the bone changes at once, perhaps in the image too, but the soft
        tissue around it does not; a missing slice shows in all three. A bone without soft tissue is
        judged by mask and image.
        """
        return np.asarray(np.minimum(self.mask.in_slices, self._scene()))

    def bone_alone(self) -> NDArray[np.bool_]:
        """Where the mask changes so much more than the image that a bone begins or ends there."""
        return np.asarray(self.mask.in_slices > BONE_ALONE * self._scene())

    def _scene(self) -> FloatArray:
        image = self.image.in_slices
        return np.where(np.isnan(image), image, np.fmin(image, self.flesh.in_slices))


def measure_steps(evidence: Evidence, watch: Watch = UNWATCHED) -> Steps:
    """Compare every slice with the next and with the one after it. Raises `Cancelled`."""
    slices = len(evidence.mask)
    sizes = evidence.mask.reshape(slices, -1).sum(axis=1, dtype=np.int64)
    mask, image, flesh = (Changes.unknown(slices) for _ in range(3))
    before: deque[_Coarse] = deque(maxlen=2)

    def coarse_slice(index: int) -> _Coarse:
        return _Coarse.of(evidence.hu[index], evidence.mask[index])

    each = watch.silenced().in_threads(coarse_slice, range(slices), "steps")
    for index, coarse in enumerate(each):
        for back in range(1, min(index, 2) + 1):
            first, place = before[-back], index - back
            for changes, value in (
                (mask, _change(evidence.mask, sizes, place, index)),
                (image, _difference(first.hu, coarse.hu)),
                (flesh, _difference(first.hu, coarse.hu, first.bone | coarse.bone)),
            ):
                (changes.one if back == 1 else changes.two)[place] = value
        before.append(coarse)
    lost = np.full(slices, np.nan)
    if slices > 2:
        lost[1:-1] = np.minimum(mask.one[:-1], mask.one[1:]) - mask.two
    return Steps(mask, image, flesh, lost)


@dataclass(frozen=True, eq=False)
class _Coarse:
    """A slice in blocks of `BLOCK`² pixels: mean HU, and whether bone lies in or beside a block."""

    hu: NDArray[np.float32]
    bone: NDArray[np.bool_]

    @staticmethod
    def of(plane: NDArray[Any], mask: NDArray[np.uint8]) -> _Coarse:
        rows, columns = (size // BLOCK * BLOCK for size in plane.shape)
        blocks = (rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
        clipped = np.clip(plane[:rows, :columns], LOW_HU, HIGH_HU).astype(np.float32)
        bone = mask[:rows, :columns].reshape(blocks).any(axis=(1, 3))
        near = ndimage.maximum_filter(bone.astype(np.uint8), 2 * BESIDE_BLOCKS + 1) != 0
        return _Coarse(clipped.reshape(blocks).mean(axis=(1, 3)), near)


def _between(below: FloatArray, above: FloatArray) -> float:
    """The mean of the medians of both sides; NaN where one has fewer than two numbers."""
    known = [[value for value in side.tolist() if isfinite(value)] for side in (below, above)]
    if min(len(side) for side in known) < 2:
        return float("nan")
    return float(sum(median(side) for side in known) / 2)


def _change(mask: NDArray[np.uint8], sizes: NDArray[np.int64], one: int, other: int) -> float:
    total = int(sizes[one] + sizes[other])
    if total == 0:
        return float("nan")
    both = int(np.count_nonzero(mask[one] & mask[other]))
    return 1 - 2 * both / total


def _difference(
    one: NDArray[np.float32], other: NDArray[np.float32], without: NDArray[np.bool_] | None = None
) -> float:
    """Mean difference where not both are air, without the blocks `without`; NaN if none is left."""
    body = (one > LOW_HU + 1) | (other > LOW_HU + 1)
    if without is not None:
        body &= ~without
    return float(np.abs(one - other)[body].mean()) if body.any() else float("nan")
