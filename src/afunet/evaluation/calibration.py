"""Calibration of probabilities: reliability, calibration error and Platt scaling (Platt 1999).

Pixels are counted in fine bins of their logit, so that any number of pixels fits into two short
arrays. The correction is fitted and tested on these counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import minimize
from scipy.special import expit, logit

FloatArray = NDArray[np.float64]
LARGEST_LOGIT, LOGIT_BINS = 16.0, 800
TABLE_BINS = 15
_EDGES = np.linspace(-LARGEST_LOGIT, LARGEST_LOGIT, LOGIT_BINS + 1)
_CENTRES = (_EDGES[1:] + _EDGES[:-1]) / 2


@dataclass(frozen=True, eq=False)
class LogitCounts:
    """Number of pixels, and of bone pixels, by the logit of the probability: (LOGIT_BINS,)."""

    pixels: FloatArray
    bone: FloatArray

    @staticmethod
    def none() -> LogitCounts:
        """Counts of no pixels."""
        return LogitCounts(np.zeros(LOGIT_BINS), np.zeros(LOGIT_BINS))

    def __add__(self, other: LogitCounts) -> LogitCounts:
        return LogitCounts(self.pixels + other.pixels, self.bone + other.bone)

    def weighed(self, weight: float) -> LogitCounts:
        """The counts with every pixel counted `weight` times."""
        return LogitCounts(self.pixels * weight, self.bone * weight)


@dataclass(frozen=True)
class ReliabilityRow:
    """The pixels of one bin: mean probability, share that is bone, and number."""

    probability: float
    share: float
    pixels: float


def count_logits(probability: FloatArray, truth: NDArray[np.bool_]) -> LogitCounts:
    """Count pixels with a probability above 0, in any shape; at 0 the network was not run."""
    seen = probability > 0
    value = np.clip(logit(probability[seen]), _CENTRES[0], _CENTRES[-1])
    pixels, _ = np.histogram(value, _EDGES)
    bone, _ = np.histogram(value[truth[seen]], _EDGES)
    return LogitCounts(pixels.astype(np.float64), bone.astype(np.float64))


def outline_band(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_], reach_px: float
) -> NDArray[np.bool_]:
    """Pixels (H, W) within `reach_px` of the outline of either mask, where errors are likely."""
    band = np.zeros(truth.shape, dtype=np.bool_)
    for mask in (predicted, truth):
        outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
        if outline.any():
            band |= ndimage.distance_transform_edt(~outline) <= reach_px
    return band


def fit_platt(counts: LogitCounts) -> tuple[float, float]:
    """(scale, offset) of maximum likelihood; `ValueError` unless there are bone and background."""
    rest = counts.pixels - counts.bone
    if not (counts.bone.sum() > 0 and rest.sum() > 0):
        raise ValueError("a calibration needs pixels of bone and of background")

    def loss(parameters: FloatArray) -> float:
        value = np.exp(parameters[0]) * _CENTRES + parameters[1]
        bone = np.logaddexp(0, -value) * counts.bone
        return float((bone + np.logaddexp(0, value) * rest).sum() / counts.pixels.sum() * 1e3)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-5})
    return float(np.exp(found.x[0])), float(found.x[1])


def reliability(
    counts: LogitCounts, calibration: tuple[float, float] = (1.0, 0.0)
) -> tuple[ReliabilityRow, ...]:
    """Rows of `TABLE_BINS` equal bins of the corrected probability, without empty bins."""
    probability = expit(calibration[0] * _CENTRES + calibration[1])
    place = np.minimum((probability * TABLE_BINS).astype(int), TABLE_BINS - 1)
    pixels = np.bincount(place, counts.pixels, TABLE_BINS)
    sums = np.bincount(place, counts.pixels * probability, TABLE_BINS)
    bone = np.bincount(place, counts.bone, TABLE_BINS)
    return tuple(
        ReliabilityRow(float(sums[k] / pixels[k]), float(bone[k] / pixels[k]), float(pixels[k]))
        for k in range(TABLE_BINS)
        if pixels[k] > 0
    )


def expected_calibration_error(rows: tuple[ReliabilityRow, ...]) -> float:
    """ECE (Naeini et al. 2015): mean of |probability − share|, weighted by pixels."""
    total = sum(row.pixels for row in rows)
    return sum(abs(row.probability - row.share) * row.pixels for row in rows) / total
