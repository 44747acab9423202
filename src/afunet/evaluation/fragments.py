"""Scores of single pieces, matched as in the PENGWIN challenge (Sang et al. 2025).

Each true piece is compared with the found piece of highest overlap (IoU). A found piece with large
parts of several true pieces counts as merged; a true piece with large parts in several found pieces
counts as split. docs/measures.md says where this differs from the challenge's own script.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.evaluation.statistics import Estimate, mean_over_units
from afunet.evaluation.surface import surface_distances
from afunet.geometry import Volume, box_round, label_boxes

FOUND_IOU = 0.5
# A found piece with this share of each of two true pieces has merged them; a true piece with this
# share in each of two found pieces was split.
LARGE_PART = 0.3
LARGEST_LABEL = 4095


@dataclass(frozen=True)
class FragmentMatch:
    """One true piece and the found piece of highest IoU; `found` is 0 if none overlaps it.

    `is_found`: the IoU is at least one half, and no other true piece has a higher IoU with that
    found piece. `hd95_mm` and `assd_mm` are measured to that found piece. If none overlaps, they
    are the penalty of the challenge, twice and once the radius: the largest distance of a voxel of
    the true piece from its centroid. Both are None if distances were not requested.
    """

    true: int
    found: int
    mm3: float
    iou: float
    is_found: bool
    hd95_mm: float | None = None
    assd_mm: float | None = None


@dataclass(frozen=True)
class FragmentScore:
    """All true pieces above the size limit; `extra` counts found pieces without a true piece.

    `merged` counts found pieces with large parts of several true pieces, `split` true pieces with
    large parts in several found pieces.
    """

    matches: tuple[FragmentMatch, ...]
    extra: int
    merged: int
    split: int

    @property
    def recall(self) -> float:
        """The share of true pieces that were found; 1 if there are none."""
        return fmean(match.is_found for match in self.matches) if self.matches else 1.0

    @property
    def missed(self) -> int:
        """How many true pieces were not found."""
        return sum(not match.is_found for match in self.matches)

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the true pieces that were found; 0 if none was found."""
        found = [match.iou for match in self.matches if match.is_found]
        return fmean(found) if found else 0.0


# The values to average: one per piece, or one count per case.
FRAGMENT_METRICS: dict[str, Callable[[FragmentScore], list[float]]] = {
    "recall": lambda score: [float(match.is_found) for match in score.matches],
    "iou": lambda score: [match.iou for match in score.matches],
    "hd95_mm": lambda score: [m.hd95_mm for m in score.matches if m.hd95_mm is not None],
    "assd_mm": lambda score: [m.assd_mm for m in score.matches if m.assd_mm is not None],
    "missed": lambda score: [score.missed],
    "merged": lambda score: [score.merged],
    "split": lambda score: [score.split],
    "extra": lambda score: [score.extra],
}


def fragment_means(scores: Sequence[FragmentScore]) -> dict[str, Estimate | None]:
    """Means over all true pieces (of counts, over cases), with intervals over cases.

    None if there is nothing to average: no true piece, or no distances.
    """
    by_metric = {
        name: [values(score) for score in scores] for name, values in FRAGMENT_METRICS.items()
    }
    return {
        name: mean_over_units(values) if any(values) else None for name, values in by_metric.items()
    }


def match_fragments(
    found: Volume, true: Volume, smallest_mm3: float, *, distances: bool = False
) -> FragmentScore:
    """Compare two label maps on one grid; 0 is background, each other label is a piece.

    True pieces below `smallest_mm3` are ignored, and found pieces below it do not count as extra.
    `distances` also measures surface distances between each true piece and its match. Raises
    `GeometryError` for different grids and `InputError` for labels that are not piece numbers.
    """
    true.require_same_grid(found, "the found label map")
    voxel_mm3 = true.voxel_volume_mm3
    overlap = _overlap(found.voxels, true.voxels)
    true_size, found_size = overlap.sum(axis=1), overlap.sum(axis=0)
    asked = np.flatnonzero(true_size * voxel_mm3 >= smallest_mm3)
    asked = asked[asked > 0]
    iou = _iou(overlap, asked)
    measure = _Distances(found, true) if distances else None
    matches, used = [], set()
    for number, row, is_found in zip(asked.tolist(), iou, _are_found(iou), strict=True):
        match = int(row.argmax()) if row.any() else 0
        used |= {match} if is_found else set()
        hd95_mm, assd_mm = measure(number, match) if measure else (None, None)
        mm3 = float(true_size[number] * voxel_mm3)
        matches.append(
            FragmentMatch(number, match, mm3, float(row[match]), is_found, hd95_mm, assd_mm)
        )
    counted = np.flatnonzero(found_size * voxel_mm3 >= smallest_mm3)
    parts = overlap[asked, 1:] >= LARGE_PART * true_size[asked][:, None]
    return FragmentScore(
        tuple(matches),
        extra=sum(label not in used for label in counted.tolist() if label),
        merged=int((parts.sum(axis=0) > 1).sum()),
        split=int((parts.sum(axis=1) > 1).sum()),
    )


def _overlap(found: NDArray[np.integer], true: NDArray[np.integer]) -> NDArray[np.int64]:
    """Voxels shared by every (true, found) pair of labels."""
    for labels in (found, true):
        if labels.min() < 0 or labels.max() > LARGEST_LABEL:
            raise InputError(
                f"pieces must be numbered from 1 to at most {LARGEST_LABEL}, got labels from "
                f"{labels.min()} to {labels.max()}",
                code="BAD_LABELS",
            )
    rows, columns = int(true.max()) + 1, int(found.max()) + 1
    keys = true.astype(np.int64) * columns + found
    return np.bincount(keys.ravel(), minlength=rows * columns).reshape(rows, columns)


def _iou(overlap: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of the true pieces `asked` (rows) with all found labels; 0 with the background."""
    unions = overlap.sum(axis=1)[asked][:, None] + overlap.sum(axis=0)[None] - overlap[asked]
    iou = overlap[asked] / np.maximum(unions, 1)
    iou[:, 0] = 0
    return np.asarray(iou, dtype=np.float64)


def _are_found(iou: NDArray[np.float64]) -> list[bool]:
    """Whether each row's maximum is at least one half and is also its column's maximum.

    Of two equal rows (two halves that were merged) only the first is found.
    """
    if not len(iou):
        return []
    return [
        bool(row.max() >= FOUND_IOU and iou[:, row.argmax()].argmax() == number)
        for number, row in enumerate(iou)
    ]


class _Distances:
    """HD95 and ASSD in mm of a true piece and its match."""

    def __init__(self, found: Volume, true: Volume) -> None:
        self.found, self.true = found.voxels, true.voxels
        self.spacing_mm = true.array_spacing_mm
        self.found_boxes, self.true_boxes = label_boxes(self.found), label_boxes(self.true)

    def __call__(self, label: int, match: int) -> tuple[float, float]:
        box = self.true_boxes[label]
        if not match:
            radius_mm = self._radius_mm(self.true[box] == label)
            return 2 * radius_mm, radius_mm
        box = box_round(box, self.found_boxes[match])
        apart = surface_distances(
            self.found[box] == match, self.true[box] == label, self.spacing_mm
        )
        return apart.hd95, apart.assd

    def _radius_mm(self, piece: NDArray[np.bool_]) -> float:
        points_mm = np.argwhere(piece) * self.spacing_mm
        return float(np.linalg.norm(points_mm - points_mm.mean(axis=0), axis=1).max())
