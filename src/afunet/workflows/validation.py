"""What validation slices say of a network in training: the score that chooses, and pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afunet.data.slices import LabelledSlice
from afunet.evaluation.overlap import METRICS, Counts, count
from afunet.inference.predictor import Predictor
from afunet.models.head import labels
from afunet.training.recording import NoRecorder, Recorder
from afunet.watch import UNWATCHED, Watch

EXAMPLES = 4
TRUSTED = ("checked", "exact")  # labels looked at by a person, or simulated


def trusted(slices: Sequence[LabelledSlice]) -> Sequence[LabelledSlice]:
    """Return the slices whose labels are `TRUSTED`, or all if there is none."""
    return [item for item in slices if item.record.status in TRUSTED] or slices


def mean_case_dice(
    predictor: Predictor,
    slices: Sequence[LabelledSlice],
    watch: Watch = UNWATCHED,
    threshold: float = 0.5,
) -> float:
    """Return the mean over all cases and classes of the Dice pooled over a case's slices."""
    cases: dict[tuple[str, int], Counts] = {}
    for done, item in enumerate(slices):
        predicted = predictor.of_grey(item.grey)
        predictor = predicted.predictor
        found = labels(predicted.probability, threshold)[0]
        for number in range(1, predicted.probability.shape[1] + 1):
            counts, key = count(found == number, item.mask == number), (item.record.case, number)
            cases[key] = cases.get(key, Counts()) + counts
        watch.tell("validating", done + 1, len(slices))
    return sum(METRICS["dice"](counts) for counts in cases.values()) / len(cases)


def show_examples(
    predictor: Predictor, slices: Sequence[LabelledSlice], record: Recorder, step: int
) -> None:
    """Record pictures of some validation slices: predicted bone red, missed bone blue."""
    if isinstance(record, NoRecorder):
        return
    for number in np.linspace(0, len(slices) - 1, min(EXAMPLES, len(slices))).astype(int):
        item = slices[number]
        grey = item.grey[len(item.grey) // 2]
        found = labels(predictor.of_grey(item.grey).probability, 0.5)[0] > 0
        rgb = np.stack([grey] * 3, axis=-1)
        rgb[..., 0] = np.where(found, 255 - (255 - grey) // 2, grey)
        rgb[..., 2] = np.where((item.mask > 0) & ~found, 255, rgb[..., 2])
        record.picture(f"{item.record.case} slice {item.record.level}", rgb, step)
