"""What a comparison says, as plain values: the same for Markdown, JSON and figures."""

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
    """GFLOPs are those of one pass over 512 × 512 px; both None for a classical method."""

    parameters: int | None
    gflops: float | None
    seconds_per_slice: float


@dataclass(frozen=True)
class RowFacts:
    """One network or classical method.

    `scores` by way of averaging (`WAYS`) and metric; `differs` names what in its training and
    windows is not as in the reference's row; `validation_dice` is the best of each seed's run.
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
    validation_dice: tuple[float, ...]
    case_dice: Mapping[str, float]


@dataclass(frozen=True)
class TableFacts:
    """Rows that are compared with one reference, None where none is marked."""

    title: str
    reference: str | None
    rows: tuple[RowFacts, ...]


@dataclass(frozen=True)
class DataFacts:
    """The slices that were judged. `joint_levels` tells each case's level at the joint line."""

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
        """The `chosen` slices; `areas` are pixels of true bone by case and level, of all slices."""
        lines = {case: joint_line(levels) for case, levels in areas.items()}
        cases = sorted({item.record.case for item in chosen})
        return cls(
            folder=folder,
            split=split,
            status=f"only those marked `{status}`" if status else "all that are labelled",
            slices=len(chosen),
            cases=len(cases),
            patients=len({item.record.patient for item in chosen}),
            slices_without_bone=sum(not item.mask.any() for item in chosen),
            joint_line_slices=sum(item.record.level in lines[item.record.case] for item in chosen),
            joint_levels={case: joint_level(areas[case]) for case in cases},
        )


@dataclass(frozen=True)
class ComparisonFacts:
    """The whole comparison."""

    version: str
    device: str
    threads: int
    data: DataFacts
    tables: tuple[TableFacts, ...]
    panel: tuple[str, ...]

    def to_json(self) -> str:
        """All of it, by the names of these classes."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
