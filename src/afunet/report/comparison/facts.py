"""The facts of a comparison: plain values for Markdown, JSON and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from afunet.data.slices import LabelledSlice
from afunet.evaluation.joint_line import joint_level, joint_line
from afunet.evaluation.published import PublishedScores
from afunet.evaluation.statistics import Estimate
from afunet.report.comparison.against import AgainstReference
from afunet.report.comparison.hard_part import HardPart

WAYS = {"per_slice": "mean per slice", "per_case": "mean per case", "pooled": "pooled"}


@dataclass(frozen=True)
class CostFacts:
    """The cost of a method.

    `gflops` are for one pass over 512 × 512 px. `parameters` and `gflops` are None for a classical
    method.
    """

    parameters: int | None
    gflops: float | None
    seconds_per_slice: float


@dataclass(frozen=True)
class RowFacts:
    """One network or classical method.

    `scores` are keyed by the way of averaging (`WAYS`) and the metric; `differs` lists how its
    training and windows differ from the reference row. In the order of `seeds`, `weights` are the
    SHA-256 of the networks and `validation_dice` their best scores.
    """

    name: str
    label: str
    trained: bool
    seeds: tuple[int, ...]
    window: str
    differs: tuple[str, ...]
    scores: Mapping[str, Mapping[str, Estimate]]
    hard: HardPart
    cost: CostFacts
    against: AgainstReference | None
    paper: PublishedScores | None
    weights: tuple[str, ...]
    validation_dice: tuple[float, ...]
    case_dice: Mapping[str, float]


@dataclass(frozen=True)
class TableFacts:
    """Rows that are compared with one reference, None if no row is marked as such."""

    title: str
    reference: str | None
    rows: tuple[RowFacts, ...]


@dataclass(frozen=True)
class DataFacts:
    """The slices of the comparison. `joint_levels` has each case's level at the joint line."""

    folder: str
    split: str
    status: str
    slices: int
    cases: int
    patients: int
    slices_without_bone: int
    joint_line_slices: int
    joint_levels: Mapping[str, int | None]

    @classmethod
    def of(
        cls,
        folder: str,
        split: str,
        status: str | None,
        chosen: Sequence[LabelledSlice],
        areas: Mapping[str, Mapping[int, int]],
    ) -> DataFacts:
        """Describe the `chosen` slices.

        `areas` are the pixels of true bone by case and level, of all slices of the split.
        """
        lines = {case: joint_line(levels) for case, levels in areas.items()}
        cases = sorted({item.record.case for item in chosen})
        return cls(
            folder=folder,
            split=split,
            status=f"only slices marked `{status}`" if status else "all labelled slices",
            slices=len(chosen),
            cases=len(cases),
            patients=len({item.record.patient for item in chosen}),
            slices_without_bone=sum(not item.mask.any() for item in chosen),
            joint_line_slices=sum(item.record.level in lines[item.record.case] for item in chosen),
            joint_levels={case: joint_level(areas[case]) for case in cases},
        )


@dataclass(frozen=True)
class ComparisonFacts:
    """The whole comparison.

    `made_on` is what bits depend on besides recipe and threads: PyTorch and processor. `waiting`
    is the number of runs that are not finished yet.
    """

    version: str
    device: str
    threads: int
    made_on: str
    waiting: int
    data: DataFacts
    tables: tuple[TableFacts, ...]
    panel: tuple[str, ...]

    def to_json(self) -> str:
        """Return all facts as JSON; its keys are the names of the fields."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
