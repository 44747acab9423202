"""Predict and score the slices of a labelled split; shared by evaluate and compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afunet.data.labelled import load_labelled
from afunet.data.slices import LabelledSlice
from afunet.errors import InputError
from afunet.evaluation.slice_score import SliceScore, score_slice
from afunet.inference.cutting import Cutting
from afunet.inference.engines.engine import Engine
from afunet.inference.predictor import Predictor
from afunet.models.head import labels
from afunet.watch import UNWATCHED, Watch

MaskOf = Callable[[LabelledSlice], NDArray[np.bool_]]
LabelsOf = Callable[[LabelledSlice], NDArray[np.uint8]]


def load_split(
    folder: Path, split: str, input_slices: int = 1, watch: Watch = UNWATCHED
) -> tuple[LabelledSlice, ...]:
    """Return all labelled slices of one split; raise `InputError` if there is none."""
    slices = load_labelled(folder, split, input_slices, watch)
    if not slices:
        raise InputError(
            f"no labelled slice in split {split!r}: choose a split with labels",
            code="NO_LABELLED_SLICE",
        )
    return tuple(slices)


def of_status(
    slices: Sequence[LabelledSlice], status: str | None, split: str
) -> tuple[LabelledSlice, ...]:
    """Return the slices with this status, all for None; raise `InputError` if there is none."""
    chosen = tuple(item for item in slices if status in (None, item.record.status))
    if not chosen:
        raise InputError(
            f"no slice of status {status!r} in split {split!r}: choose another status or split",
            code="NO_LABELLED_SLICE",
        )
    return chosen


def network_labels(
    engine: Engine,
    window_px: int | None,
    threshold: float = 0.5,
    cutting: Cutting = Cutting.TRAINED,
) -> LabelsOf:
    """Return a function that predicts classes at native pixels, 0 for none.

    Windows of the trained size have `window_px` a side, or are whole slices for None.
    """
    predictors: dict[int, Predictor] = {}

    def labels_of(item: LabelledSlice) -> NDArray[np.uint8]:
        side = window_px or max(item.grey.shape[-2:])
        predictor = predictors.get(side) or Predictor(engine, side, cutting)
        predicted = predictor.of_grey(item.grey)
        predictors[side] = predicted.predictor
        return np.asarray(labels(predicted.probability, threshold)[0])

    return labels_of


def network_masks(engine: Engine, window_px: int | None, threshold: float = 0.5) -> MaskOf:
    """Return a function that predicts masks of any class, as `network_labels` does."""
    labels_of = network_labels(engine, window_px, threshold)

    def mask_of(item: LabelledSlice) -> NDArray[np.bool_]:
        return np.asarray(labels_of(item) != 0)

    return mask_of


def score_slices(
    mask_of: MaskOf,
    slices: Sequence[LabelledSlice],
    watch: Watch = UNWATCHED,
) -> tuple[SliceScore, ...]:
    """Predict and score every slice, in order."""
    scores = []
    for done, item in enumerate(slices, 1):
        watch.check()
        record = item.record
        scores.append(
            score_slice(
                mask_of(item),
                item.mask > 0,
                case=record.case,
                patient=record.patient,
                level=record.level,
            )
        )
        watch.tell("evaluating", done, len(slices))
    return tuple(scores)
