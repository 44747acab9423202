"""What a comparison says, as plain values: the same for Markdown, JSON and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

WAYS = {"per_slice": "mean per slice", "per_case": "mean per case", "pooled": "pooled"}
UNITS = ("patient", "case", "slice")


@dataclass(frozen=True)
class EstimateFacts:
    """A fraction with its 95 % interval over patients and its sd over seeds, where known."""

    value: float
    low: float | None = None
    high: float | None = None
    seed_sd: float | None = None


@dataclass(frozen=True)
class PairedTestFacts:
    """Wilcoxon's signed-rank test against the reference over `pairs` units.

    `holm_p` is corrected for the rows of the same table.
    """

    pairs: int
    p: float
    holm_p: float
    smallest_p: float


@dataclass(frozen=True)
class AgainstReference:
    """Mean Dice per case minus the reference's, and tests by unit of `UNITS`."""

    dice_difference: EstimateFacts
    tests: Mapping[str, PairedTestFacts]


@dataclass(frozen=True)
class HardPartFacts:
    """Mean Dice per slice at the joint line and elsewhere; small pieces; false bone.

    `stray_px` is the mean number of predicted pixels a slice in pieces that touch no true bone;
    `false_bone_px` the mean on slices without bone, None without such slices. Means over seeds.
    """

    joint_line_dice: float | None
    elsewhere_dice: float | None
    small_pieces: int
    small_found: float
    stray_px: float
    false_bone_px: float | None


@dataclass(frozen=True)
class CostFacts:
    """GFLOPs are those of one pass over 512 × 512 px; both None for a classical method."""

    parameters: int | None
    gflops: float | None
    seconds_per_slice: float


@dataclass(frozen=True)
class PaperFacts:
    """Published scores in %, and what pooled counts would print for them."""

    dice: float
    iou: float
    recall: float
    precision: float
    pooled_iou: float
    pooled_dice: float


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
    scores: Mapping[str, Mapping[str, EstimateFacts]]
    hard: HardPartFacts
    cost: CostFacts
    against: AgainstReference | None
    paper: PaperFacts | None
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
