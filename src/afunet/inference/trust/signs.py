"""Everything measured on a result, once, for all flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.inference.trust.confidence import (
    PieceConfidence,
    SliceConfidence,
    piece_confidence,
    slice_confidence,
)
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flips import Flip
from afunet.inference.trust.neighbours import Steps, measure_steps
from afunet.inference.trust.tissue import FaintOutline, Tissue, measure_outlines, measure_tissue


@dataclass(frozen=True, eq=False)
class Signs:
    """The evidence and its measures; the report shows them, the flags judge them."""

    evidence: Evidence
    slices: tuple[SliceConfidence, ...]
    pieces: tuple[PieceConfidence, ...]
    steps: Steps
    tissue: tuple[Tissue, ...]
    outlines: tuple[FaintOutline, ...]
    flips: tuple[Flip, ...]

    @property
    def expected_dice(self) -> float | None:
        """Of all slices with bone together; None without bone."""
        agreed = sum(one.precision * one.pixels for one in self.slices)
        total = sum(2 * one.precision * one.pixels / one.dice for one in self.slices if one.dice)
        return 2 * agreed / total if total else None


def measure_signs(evidence: Evidence, flips: Sequence[Flip] = ()) -> Signs:
    """All measures of a result; mirrored slices, which need the network, are given."""
    return Signs(
        evidence,
        slice_confidence(evidence),
        piece_confidence(evidence),
        measure_steps(evidence),
        measure_tissue(evidence),
        measure_outlines(evidence),
        tuple(flips),
    )


def median(values: Sequence[float]) -> float:
    """Of those that are numbers; NaN where none is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
