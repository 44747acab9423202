"""Scores of every structure of a label map: each bone, each fragment, or all bone as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.evaluation.metric import Metric
from afunet.evaluation.overlap import METRICS, count
from afunet.evaluation.statistics import Estimate, mean_over_units
from afunet.evaluation.surface import SURFACE_METRICS, surface_distances
from afunet.geometry import LabelMap, Volume, box_round, label_boxes

ALL_METRICS: dict[str, Metric[Any]] = {**METRICS, **SURFACE_METRICS}


@dataclass(frozen=True)
class StructureScore:
    """The values of one structure by the names in `METRICS` and `SURFACE_METRICS`."""

    structure: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class StructureMean:
    """The mean over the cases in which the ground truth or the prediction has a structure.

    `one_sided` counts the cases in which only one of them has it. There, overlaps and NSD are 0
    and part of the mean; distances are infinite and left out of it. A metric is None if no case
    is left.
    """

    structure: str
    cases: int
    one_sided: int
    values: Mapping[str, Estimate | None]


def score_structure(
    prediction: NDArray[Any], truth: NDArray[Any], spacing_mm: tuple[float, float, float]
) -> dict[str, float]:
    """All metrics of two masks (slice, row, column) with voxels `spacing_mm` in that order.

    Every voxel other than 0 belongs to the structure. Raises `InputError` for different shapes.
    """
    counts = count(prediction != 0, truth != 0)
    distances = surface_distances(prediction, truth, spacing_mm)
    overlaps = {name: metric(counts) for name, metric in METRICS.items()}
    return overlaps | {name: metric(distances) for name, metric in SURFACE_METRICS.items()}


def score_structures(found: Volume, true: LabelMap) -> tuple[StructureScore, ...]:
    """Score each label that is in either map, in the order of the labels.

    The same number means the same structure. Raises `GeometryError` for different grids and
    `InputError` for a found label without a name.
    """
    true.volume.require_same_grid(found, "the found label map")
    found_boxes, true_boxes = label_boxes(found.voxels), label_boxes(true.volume.voxels)
    unknown = sorted(set(found_boxes) - set(true.names))
    if unknown:
        raise InputError(
            f"the prediction has labels {_listed(unknown)}, the ground truth only "
            f"{_listed(sorted(true.names))}: if the pieces were renumbered, compare them as "
            "fragments",
            code="LABEL_UNKNOWN",
        )
    scores = []
    for label in sorted(set(found_boxes) | set(true_boxes)):
        boxes = [boxes[label] for boxes in (found_boxes, true_boxes) if label in boxes]
        box = box_round(boxes[0], boxes[-1])
        values = score_structure(
            found.voxels[box] == label,
            true.volume.voxels[box] == label,
            true.volume.array_spacing_mm,
        )
        scores.append(StructureScore(true.names[label], values))
    return tuple(scores)


def structure_means(cases: Sequence[Sequence[StructureScore]]) -> tuple[StructureMean, ...]:
    """The means of each structure over cases, with intervals, in order of first appearance."""
    by_structure: dict[str, list[Mapping[str, float]]] = {}
    for scores in cases:
        for score in scores:
            by_structure.setdefault(score.structure, []).append(score.values)
    return tuple(_mean_of(structure, rows) for structure, rows in by_structure.items())


def _mean_of(structure: str, rows: Sequence[Mapping[str, float]]) -> StructureMean:
    values = {name: mean_of_finite([row[name] for row in rows]) for name in ALL_METRICS}
    one_sided = sum(not isfinite(row["hd95_mm"]) for row in rows)
    return StructureMean(structure, len(rows), one_sided, values)


def mean_of_finite(values: Sequence[float]) -> Estimate | None:
    """The mean over cases of the finite values; None if there are none."""
    finite = [[value] for value in values if isfinite(value)]
    return mean_over_units(finite) if finite else None


def _listed(labels: Sequence[int], most: int = 8) -> str:
    shown = ", ".join(map(str, labels[:most]))
    return shown if len(labels) <= most else f"{shown} and {len(labels) - most} more"
