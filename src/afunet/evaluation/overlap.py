"""Overlap of a prediction with the ground truth: pixel counts, and one formula per metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.evaluation.metric import Metric


@dataclass(frozen=True)
class Counts:
    """Numbers of true and false positives and negatives; counts of several images can be added."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    @property
    def is_empty(self) -> bool:
        """Whether both masks are empty: nothing to find and nothing found."""
        return not (self.true_positive or self.false_positive or self.false_negative)


def count(prediction: NDArray[Any], truth: NDArray[Any]) -> Counts:
    """Count over two 0/1 arrays; `InputError` for other values or different shapes."""
    if prediction.shape != truth.shape:
        raise InputError(
            f"the prediction has shape {prediction.shape}, the ground truth {truth.shape}",
            code="SIZES_DIFFER",
        )
    predicted, true = _bone(prediction, "prediction"), _bone(truth, "truth")
    hit = int(np.count_nonzero(predicted & true))
    false_positive = int(np.count_nonzero(predicted)) - hit
    false_negative = int(np.count_nonzero(true)) - hit
    return Counts(
        hit, false_positive, false_negative, true.size - hit - false_positive - false_negative
    )


def count_slices(prediction: NDArray[Any], truth: NDArray[Any]) -> list[Counts]:
    """`count` for each slice of two 0/1 arrays (slice, row, column)."""
    if prediction.shape != truth.shape:
        raise InputError(
            f"the prediction has shape {prediction.shape}, the ground truth {truth.shape}",
            code="SIZES_DIFFER",
        )
    return [count(predicted, true) for predicted, true in zip(prediction, truth, strict=True)]


def dice(counts: Counts) -> float:
    """2TP / (2TP + FP + FN), eq. 11."""
    twice = 2 * counts.true_positive
    return _ratio(twice, twice + counts.false_positive + counts.false_negative, counts)


def iou(counts: Counts) -> float:
    """TP / (TP + FP + FN), eq. 12."""
    found = counts.true_positive
    return _ratio(found, found + counts.false_positive + counts.false_negative, counts)


def recall(counts: Counts) -> float:
    """TP / (TP + FN), eq. 13."""
    return _ratio(counts.true_positive, counts.true_positive + counts.false_negative, counts)


def precision(counts: Counts) -> float:
    """TP / (TP + FP), eq. 14."""
    return _ratio(counts.true_positive, counts.true_positive + counts.false_positive, counts)


METRICS: dict[str, Metric[Counts]] = {
    "dice": Metric(dice, "Dice"),
    "iou": Metric(iou, "IoU"),
    "recall": Metric(recall, "recall", symmetric=False),
    "precision": Metric(precision, "precision", symmetric=False),
}


@dataclass(frozen=True)
class Agreement:
    """Every metric of `METRICS` averaged in three ways, each a fraction from 0 to 1.

    `per_slice` is the mean over slices; `per_case` is the mean over cases, each with the summed
    counts of its slices. Slices (cases) in which both prediction and ground truth are empty are
    left out, since each would count as a perfect 1. `pooled` first sums all counts. If everything
    is empty, all values are 1. `slices` and `cases` are the numbers in the means, `empty_slices`
    and `empty_cases` the numbers left out.
    """

    per_slice: Mapping[str, float]
    per_case: Mapping[str, float]
    pooled: Mapping[str, float]
    slices: int
    empty_slices: int
    cases: int
    empty_cases: int


def agreement(cases: Sequence[Sequence[Counts]]) -> Agreement:
    """Average over cases, each a list of the counts of its slices; `InputError` without slices."""
    by_case = [sum_counts(slices) for slices in cases]
    by_slice = [counts for slices in cases for counts in slices]
    if not by_slice:
        raise InputError("nothing to compare: no case has a slice", code="NOTHING_TO_COMPARE")
    filled_slices = [counts for counts in by_slice if not counts.is_empty]
    filled_cases = [counts for counts in by_case if not counts.is_empty]
    return Agreement(
        per_slice=_means(filled_slices),
        per_case=_means(filled_cases),
        pooled=_means([sum_counts(by_case)]),
        slices=len(filled_slices),
        empty_slices=len(by_slice) - len(filled_slices),
        cases=len(filled_cases),
        empty_cases=len(by_case) - len(filled_cases),
    )


def sum_counts(counts: Iterable[Counts]) -> Counts:
    """The sum of all counts; zeros for none."""
    return sum(counts, start=Counts())


def _means(many: Sequence[Counts]) -> dict[str, float]:
    judged = many or [Counts()]
    return {name: fmean(map(metric, judged)) for name, metric in METRICS.items()}


def _ratio(part: int, whole: int, counts: Counts) -> float:
    """A fraction, by convention 1 if both masks are empty and 0 if only one is."""
    if counts.is_empty:
        return 1.0
    return part / whole if whole else 0.0


def _bone(array: NDArray[Any], what: str) -> NDArray[np.bool_]:
    if array.dtype == np.bool_:
        return array
    bone = array == 1
    if np.count_nonzero(bone) + np.count_nonzero(array == 0) != array.size:
        raise InputError(
            f"the {what} must hold only 0 and 1, got values up to {array.max()}", code="NOT_BINARY"
        )
    return np.asarray(bone)
