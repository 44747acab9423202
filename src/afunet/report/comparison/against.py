"""How the rows of a table differ from the reference row, with significance tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from afunet.evaluation.power import Power, power_of
from afunet.evaluation.slice_score import SliceScore
from afunet.evaluation.statistics import (
    ByUnit,
    Estimate,
    PairedTest,
    dice_by,
    difference,
    holm,
    paired_differences,
    paired_t,
    paired_wilcoxon,
)

UNITS = ("patient", "case", "slice")
Seeds = Sequence[Sequence[SliceScore]]
Pair = tuple[Seeds, Seeds]
"""The scores of a row and of the reference, by seed and by slice."""


@dataclass(frozen=True)
class AgainstReference:
    """Mean Dice per case minus the reference's, over the seeds that both have.

    `tests` has Wilcoxon's test for each unit of `UNITS`, `t_test` is over patients, and `power` is
    that of the latter.
    """

    dice_difference: Estimate
    tests: Mapping[str, PairedTest]
    t_test: PairedTest
    power: Power


def against_reference(pairs: Sequence[Pair]) -> list[AgainstReference]:
    """Compare every row with the reference; correct p over the rows (Holm)."""
    tests = {unit: _corrected(pairs, unit, paired_wilcoxon) for unit in UNITS}
    t_tests = _corrected(pairs, "patient", paired_t)
    return [
        AgainstReference(
            difference(ours, theirs),
            {unit: tests[unit][place] for unit in UNITS},
            t_tests[place],
            power_of(
                paired_differences(dice_by(ours, "patient"), dice_by(theirs, "patient")),
                len(pairs),
            ),
        )
        for place, (ours, theirs) in enumerate(pairs)
    ]


def _corrected(
    pairs: Sequence[Pair], unit: str, test: Callable[[ByUnit, ByUnit], PairedTest]
) -> list[PairedTest]:
    tests = [test(dice_by(ours, unit), dice_by(theirs, unit)) for ours, theirs in pairs]
    adjusted = holm([one.p for one in tests])
    return [replace(one, holm_p=p) for one, p in zip(tests, adjusted, strict=True)]
