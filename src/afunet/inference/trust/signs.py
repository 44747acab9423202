"""Everything that is measured on a result, once for all flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from afunet.errors import CheckpointError
from afunet.inference.trust.confidence import (
    PieceConfidence,
    SliceConfidence,
    piece_confidence,
    slice_confidence,
)
from afunet.inference.trust.doubt import SliceDoubt, doubt_logs, slice_doubts
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flips import Flip
from afunet.inference.trust.neighbours import Steps, measure_steps
from afunet.inference.trust.tissue import FaintOutline, Tissue, measure_outlines, measure_tissue
from afunet.models.expected_dice import DiceInterval, DiceModel
from afunet.watch import UNWATCHED, Watch


@dataclass(frozen=True, eq=False)
class Signs:
    """The evidence and what was measured on it, for the report and the flags.

    `expected` holds an interval for each of `slices`, in their order; empty without a model.
    `flips` are of the few slices that the network saw mirrored too.
    """

    evidence: Evidence
    slices: tuple[SliceConfidence, ...]
    pieces: tuple[PieceConfidence, ...]
    steps: Steps
    tissue: tuple[Tissue, ...]
    outlines: tuple[FaintOutline, ...]
    doubts: tuple[SliceDoubt, ...]
    model: DiceModel | None = None
    expected: tuple[DiceInterval, ...] = ()
    flips: tuple[Flip, ...] = ()

    @property
    def likely_dice(self) -> tuple[float, ...]:
        """The likely Dice of every slice with bone, from the model or the probability alone."""
        return tuple(one.middle for one in self.expected) or tuple(one.dice for one in self.slices)

    @property
    def likely_wrong_px(self) -> float:
        """How many pixels of all slices are likely to be wrong."""
        pairs = zip(self.slices, self.likely_dice, strict=True)
        return sum((1 - dice) * one.pixels for one, dice in pairs)

    @property
    def expected_dice(self) -> DiceInterval | None:
        """The expected Dice of the whole scan; None without bone or without a model."""
        if self.model is None:
            return None
        logs = doubt_logs(self.doubts, self.model.signs)
        return self.model.scan_interval(logs, [one.pixels for one in self.slices])


def measure_signs(
    evidence: Evidence, model: DiceModel | None = None, watch: Watch = UNWATCHED
) -> Signs:
    """Measure everything on a result that needs no network.

    Raises `CheckpointError` if the model was fitted on a sign that is not measured, and
    `Cancelled`.
    """
    _require_measured(model)
    slices, steps = slice_confidence(evidence), measure_steps(evidence, watch)
    tissue, outlines = measure_tissue(evidence), measure_outlines(evidence, watch)
    doubts = slice_doubts(evidence, slices, steps, tissue, outlines, watch)
    return Signs(
        evidence,
        slices,
        piece_confidence(evidence),
        steps,
        tissue,
        outlines,
        doubts,
        model,
        model.slice_intervals(doubt_logs(doubts, model.signs)) if model else (),
    )


def _require_measured(model: DiceModel | None) -> None:
    known = tuple(one.name for one in fields(SliceDoubt))
    unknown = [sign for sign in model.signs if sign not in known] if model else []
    if unknown:
        raise CheckpointError(
            f"the model of the expected Dice was fitted on {', '.join(unknown)}, expected only "
            f"{', '.join(known)}: fit it again with experiments/fit_confidence.py",
            code="WEIGHTS_BROKEN",
        )


def median(values: Sequence[float]) -> float:
    """The median of the finite values; NaN if there are none."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
