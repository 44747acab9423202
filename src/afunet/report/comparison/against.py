"""How the rows of a table differ from the reference row, with significance tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from afunet.evaluation.slice_score import SliceScore
from afunet.evaluation.statistics import (
    Estimate,
    PairedTest,
    dice_by,
    difference,
    holm,
    paired_wilcoxon,
)

UNITS = ("patient", "case", "slice")


@dataclass(frozen=True)
class AgainstReference:
    """Mean Dice per case minus the reference's, and a test for each unit of `UNITS`."""

    dice_difference: Estimate
    tests: Mapping[str, PairedTest]


def against_reference(
    rows: Sequence[Sequence[Sequence[SliceScore]]], reference: Sequence[Sequence[SliceScore]]
) -> list[AgainstReference]:
    """Compare every row (seeds × slices) with the reference; correct p over the rows (Holm)."""
    tests = {unit: _corrected(rows, reference, unit) for unit in UNITS}
    return [
        AgainstReference(difference(row, reference), {unit: tests[unit][place] for unit in UNITS})
        for place, row in enumerate(rows)
    ]


def _corrected(
    rows: Sequence[Sequence[Sequence[SliceScore]]],
    reference: Sequence[Sequence[SliceScore]],
    unit: str,
) -> list[PairedTest]:
    theirs = dice_by(reference, unit)
    tests = [paired_wilcoxon(dice_by(row, unit), theirs) for row in rows]
    adjusted = holm([test.p for test in tests])
    return [replace(test, holm_p=p) for test, p in zip(tests, adjusted, strict=True)]
