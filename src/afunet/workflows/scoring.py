"""Predicted slices of a labelled split, scored one by one: what evaluate and compare share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from afunet.data.labelled import load_labelled
from afunet.data.slices import LabelledSlice
from afunet.errors import InputError
from afunet.evaluation.slice_score import SliceScore, score_slice
from afunet.inference.predictor import Engine, Predictor
from afunet.watch import UNWATCHED, Watch

MaskOf = Callable[[LabelledSlice], NDArray[np.bool_]]


def load_split(
    folder: Path, split: str, input_slices: int = 1, watch: Watch = UNWATCHED
) -> tuple[LabelledSlice, ...]:
    """All labelled slices of one split; `InputError` where there is none."""
    slices = load_labelled(folder, split, input_slices, watch)
    if not slices:
        raise InputError(f"no labelled slice in split {split!r}", code="NO_LABELLED_SLICE")
    return tuple(slices)


def of_status(
    slices: Sequence[LabelledSlice], status: str | None, split: str
) -> tuple[LabelledSlice, ...]:
    """The slices so marked, all for None; `InputError` where there is none."""
    chosen = tuple(item for item in slices if status in (None, item.record.status))
    if not chosen:
        raise InputError(
            f"no slice of status {status!r} in split {split!r}", code="NO_LABELLED_SLICE"
        )
    return chosen


def network_masks(engine: Engine, window_px: int | None, threshold: float = 0.5) -> MaskOf:
    """Masks at native pixels in windows of `window_px`; None takes each slice whole."""
    predictors: dict[int, Predictor] = {}

    def mask_of(item: LabelledSlice) -> NDArray[np.bool_]:
        side = window_px or max(item.grey.shape[-2:])
        predictor = predictors.setdefault(side, Predictor(engine, side))
        probability = predictor(torch.from_numpy(item.grey).float()[None] / 255)[0].numpy()
        return np.asarray(probability >= threshold)

    return mask_of


def score_slices(
    mask_of: MaskOf,
    slices: Sequence[LabelledSlice],
    watch: Watch = UNWATCHED,
) -> tuple[SliceScore, ...]:
    """Predict and score every slice, in their order."""
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
