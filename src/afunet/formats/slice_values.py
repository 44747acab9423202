"""The distribution of a slice's values: its padding, air and soft tissue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

# About so many pixels of a slice are sampled at most; images of fewer than the second say little.
MOST_PIXELS, FEWEST_PIXELS = 16384, 1600
BIN_HU, LOWEST_HU, BINS = 16, -4096, 512
CENTRES_HU = LOWEST_HU + BIN_HU * (np.arange(BINS) + 0.5)

# Wide ranges: cone-beam scanners are off by a hundred HU, and foam and wool are above air.
AIR_HU, FLESH_HU = (-1200.0, -700.0), (-300.0, 300.0)
DARK_BELOW_HU = -300.0
# Narrower ranges, to compare one scale with another.
AIR_CORE_HU, FLESH_CORE_HU = (-1200.0, -750.0), (-220.0, 160.0)
SHIFTS_HU = (-2048, -2000, -1024, -1000, 1000, 1024, 2000, 2048)
CLEARLY_BETTER = 0.02
# Soft tissue that was shifted up is a hump in the bright values; bone spreads over all of them.
HUMP_BINS, HUMP_FROM_HU, LEAST_HUMP = 11, 820.0, 0.2
# The values of air that was shifted up by about a thousand; muscle is above them.
SHIFTED_AIR_HU = (-40.0, 48.0)
FEWEST_DARK, FEWEST_LIGHT, LEAST_FLESH_OF_LIGHT = 0.1, 0.02, 0.05
# Tables, foam and clothes lie between air and soft tissue; a limb has more pixels than these.
FLESH_PEAK_HU, BETWEEN_HU, MOST_BETWEEN = (-200.0, 200.0), (-700.0, -250.0), 2.0
# Padding is the lowest value, with hardly any pixels just above it, outside the middle.
PADDING_IS_BELOW_HU, PADDING_STANDS_OUT, NEAR_PADDING_HU = -300.0, 5.0, 100.0
MIDDLE, MOST_PADDING_IN_MIDDLE = 0.75, 0.02
BLUR_BINS = 5


@dataclass(frozen=True, eq=False)
class SliceValues:
    """Counts of a slice's pixels by HU, (BINS,), without `padding` pixels of the lowest value.

    `low` and `high` are the extremes of the slice in HU.
    """

    counts: NDArray[np.int64]
    padding: int
    low: float
    high: float

    @property
    def content(self) -> int:
        """The number of pixels that are not padding."""
        return int(self.counts.sum())

    @property
    def speaks(self) -> bool:
        """Whether there are enough pixels to judge by."""
        return self.content + self.padding >= FEWEST_PIXELS and self.content > 0

    def share(self, low_hu: float, high_hu: float) -> float:
        """The share of the content from `low_hu` up to `high_hu`."""
        first, stop = np.searchsorted(CENTRES_HU, (low_hu, high_hu))
        return float(self.counts[first:stop].sum()) / max(self.content, 1)

    @cached_property
    def dark(self) -> float:
        """The share of the content that is darker than any soft tissue."""
        return self.share(-np.inf, DARK_BELOW_HU)

    @property
    def air_hu(self) -> float | None:
        """The most common dark value; None if hardly anything is dark."""
        return None if self.dark < FEWEST_DARK else self._mode(CENTRES_HU < DARK_BELOW_HU)

    @property
    def flesh_hu(self) -> float | None:
        """The most common value that is not dark; None if hardly anything is."""
        light = 1 - self.dark
        return None if light < FEWEST_LIGHT else self._mode(CENTRES_HU >= DARK_BELOW_HU)

    @cached_property
    def shift_hu(self) -> int:
        """The shift that makes clearly more values air and soft tissue; 0 if there is none."""
        candidates = [shift for shift in SHIFTS_HU if shift > 0 or self.may_be_shifted_up]
        best = max(candidates, key=self.explained)
        return best if self.explained(best) > self.explained(0) + CLEARLY_BETTER else 0

    @property
    def is_hu(self) -> bool:
        """Whether air and soft tissue have their values in HU."""
        air = self.air_hu
        if air is not None and not AIR_HU[0] <= air <= AIR_HU[1]:
            return False
        light = 1 - self.dark
        if light >= FEWEST_LIGHT and self.share(*FLESH_HU) < LEAST_FLESH_OF_LIGHT * light:
            return False
        return self.shift_hu == 0

    @property
    def has_flesh_peak(self) -> bool:
        """Whether soft tissue has a peak, compared with the values between air and soft tissue."""
        near = np.convolve(self.counts, np.ones(HUMP_BINS), mode="same")
        flesh, between = (
            near[(low < CENTRES_HU) & (high > CENTRES_HU)].max()
            for low, high in (FLESH_PEAK_HU, BETWEEN_HU)
        )
        return bool(between <= MOST_BETWEEN * flesh)

    @property
    def between(self) -> float:
        """The share of the content between air and soft tissue."""
        return self.share(*BETWEEN_HU)

    def likeness(self, other: SliceValues) -> float:
        """The share of the pixels of both slices, with padding, that have the same HU."""
        blurred = maximum_filter1d(other._spectrum, BLUR_BINS, mode="constant")
        return float(np.minimum(self._spectrum, blurred).sum())

    @property
    def whole(self) -> SliceValues:
        """The same values with the padding as part of the image."""
        counts = self.counts.copy()
        counts[_bins_of(np.array(self.low))] += self.padding
        return SliceValues(counts, 0, self.low, self.high)

    def shifted(self, shift_hu: float) -> SliceValues:
        """The same values shifted up by `shift_hu`, rounded to a bin."""
        counts = np.roll(self.counts, round(shift_hu / BIN_HU))
        return SliceValues(counts, self.padding, self.low + shift_hu, self.high + shift_hu)

    @cached_property
    def _spectrum(self) -> NDArray[np.float64]:
        counts = self.whole.counts.astype(np.float64)
        return np.asarray(counts / max(counts.sum(), 1.0))

    @property
    def may_be_shifted_up(self) -> bool:
        """Whether apparent soft tissue may be air, with soft tissue a thousand HU above it."""
        flesh = self.flesh_hu
        if flesh is None or not (
            SHIFTED_AIR_HU[0] <= flesh < SHIFTED_AIR_HU[1] or flesh >= HUMP_FROM_HU
        ):
            return False
        bright = np.where(FLESH_CORE_HU[1] < CENTRES_HU, self.counts, 0)
        near = np.convolve(bright, np.ones(HUMP_BINS), mode="same")
        return bool(near[CENTRES_HU >= HUMP_FROM_HU].max() >= LEAST_HUMP * max(bright.sum(), 1))

    def explained(self, shift_hu: int) -> float:
        """The share of the content that would be air or soft tissue after this shift."""
        return sum(
            self.share(low - shift_hu, high - shift_hu)
            for low, high in (AIR_CORE_HU, FLESH_CORE_HU)
        )

    def _mode(self, among: NDArray[np.bool_]) -> float:
        near = np.convolve(np.where(among, self.counts, 0), [1, 2, 1], mode="same")
        return float(CENTRES_HU[np.where(among, near, -1).argmax()])


def values_of(hu: NDArray[Any]) -> SliceValues:
    """The distribution of the values of a slice (row, column) in HU, from a sample of pixels."""
    step = max(1, int(np.ceil(np.sqrt(hu.size / MOST_PIXELS))))
    seen = hu[::step, ::step]
    low, high = float(hu.min()), float(hu.max())
    padded = _padding(seen, low)
    bins = _bins_of(seen.astype(np.float32))
    kept = bins if padded is None else bins[~padded]
    counts = np.bincount(kept.ravel(), minlength=BINS)
    return SliceValues(counts, 0 if padded is None else int(padded.sum()), low, high)


def pooled(slices: Iterable[SliceValues]) -> SliceValues:
    """Several slices as one."""
    every = tuple(slices)
    return SliceValues(
        np.sum([one.counts for one in every], axis=0),
        sum(one.padding for one in every),
        min(one.low for one in every),
        max(one.high for one in every),
    )


def _padding(seen: NDArray[Any], low: float) -> NDArray[np.bool_] | None:
    """Where the slice is padded; None if its lowest value is part of the image."""
    if low >= PADDING_IS_BELOW_HU or seen.size < FEWEST_PIXELS:
        return None
    lowest = np.asarray(seen == low)
    near = int(((seen > low) & (seen <= low + NEAR_PADDING_HU)).sum())
    if not lowest.any() or lowest.sum() < PADDING_STANDS_OUT * near:
        return None
    middle = off_centre(*seen.shape) <= MIDDLE * min(seen.shape) / 2
    if lowest[middle].mean() > MOST_PADDING_IN_MIDDLE or lowest.all():
        return None
    return lowest


def surroundings(hu: NDArray[Any]) -> float | None:
    """The one value of more than half of the pixels at the sides of a slice; None without one.

    A scan that was cut out around a bone has it, and so has air without noise.
    """
    rim = np.concatenate([hu[0], hu[-1], hu[1:-1, 0], hu[1:-1, -1]])
    values, counts = np.unique(rim, return_counts=True)
    most = counts.argmax()
    return float(values[most]) if 2 * counts[most] > rim.size else None


@lru_cache(maxsize=8)
def off_centre(rows: int, columns: int) -> NDArray[np.float64]:
    """The distance of each pixel from the middle of an image, in pixels."""
    row, column = np.ogrid[:rows, :columns]
    return np.hypot(row - rows / 2 + 0.5, column - columns / 2 + 0.5)


def _bins_of(hu: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.clip((hu - LOWEST_HU) / BIN_HU, 0, BINS - 1).astype(np.int64)
