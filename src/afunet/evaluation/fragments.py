"""How well pieces were found one by one: PENGWIN's measures (Liu et al. 2025).

Each true piece is paired with at most one found piece, so that the sum of their overlaps (IoU) is
largest; a pair counts as found from an IoU of one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from afunet.evaluation.surface import SurfaceDistances, surface_distances
from afunet.geometry import Box, Volume

FOUND_IOU = 0.5
# A found piece that holds so much of each of two true pieces has merged them, a true piece that
# lies in two found ones with so much in each was split.
LARGE_PART = 0.3


@dataclass(frozen=True, eq=False)
class FragmentMatch:
    """One true piece and what was found of it; `found` is 0 where nothing was paired with it."""

    true: int
    found: int
    mm3: float
    iou: float
    distances: SurfaceDistances | None

    @property
    def is_found(self) -> bool:
        """Whether the IoU reaches one half."""
        return self.iou >= FOUND_IOU


@dataclass(frozen=True, eq=False)
class FragmentScore:
    """All true pieces above the stated size; `extra` counts found ones that are no true piece.

    `merged` counts found pieces that hold large parts of several true ones, `split` true pieces
    of which several found ones hold large parts.
    """

    matches: tuple[FragmentMatch, ...]
    extra: int
    merged: int
    split: int

    @property
    def recall(self) -> float:
        """The share of true pieces that were found; 1 where there was none."""
        return fmean(match.is_found for match in self.matches) if self.matches else 1.0

    @property
    def missed(self) -> int:
        """How many true pieces were not found."""
        return sum(not match.is_found for match in self.matches)

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the found pieces; 0 where none was found."""
        found = [match.iou for match in self.matches if match.is_found]
        return fmean(found) if found else 0.0


def match_fragments(
    found: Volume, true: Volume, smallest_mm3: float, *, distances: bool = False
) -> FragmentScore:
    """Compare two label maps on one grid, 0 being background; labels are pieces.

    True pieces below `smallest_mm3` are not asked for, and found ones below it are not counted as
    extra. `distances` adds each found pair's surface distances. Raises `GeometryError` for two
    grids.
    """
    true.require_same_grid(found, "the found label map")
    voxel_mm3 = true.voxel_volume_mm3
    overlap = _overlap(found.voxels, true.voxels)
    true_size, found_size = overlap.sum(axis=1), overlap.sum(axis=0)
    asked = np.flatnonzero(true_size * voxel_mm3 >= smallest_mm3)
    asked = asked[asked > 0]
    shared = overlap[asked, 1:]
    unions = true_size[asked][:, None] + found_size[1:][None] - shared
    iou = shared / np.maximum(unions, 1)
    paired = dict(zip(*linear_sum_assignment(iou, maximize=True), strict=True))
    found_boxes, true_boxes = (
        ndimage.find_objects(labels.voxels.astype(np.int32)) if distances else []
        for labels in (found, true)
    )
    matches = []
    for row, label in enumerate(asked.tolist()):
        column = paired.get(row)
        value = 0.0 if column is None else float(iou[row, column])
        number = 0 if column is None or value == 0 else int(column) + 1
        measured = None
        if distances and value >= FOUND_IOU:
            box = _hull(true_boxes[label - 1], found_boxes[number - 1])
            measured = surface_distances(
                found.voxels[box] == number, true.voxels[box] == label, true.array_spacing_mm
            )
        matches.append(
            FragmentMatch(label, number, float(true_size[label] * voxel_mm3), value, measured)
        )
    used = {match.found for match in matches if match.is_found}
    counted = np.flatnonzero(found_size * voxel_mm3 >= smallest_mm3)
    parts = shared >= LARGE_PART * true_size[asked][:, None]
    return FragmentScore(
        tuple(matches),
        extra=sum(int(label) not in used for label in counted if label),
        merged=int((parts.sum(axis=0) > 1).sum()),
        split=int((parts.sum(axis=1) > 1).sum()),
    )


def _overlap(found: NDArray[np.integer], true: NDArray[np.integer]) -> NDArray[np.int64]:
    """Voxels shared by every (true, found) pair of labels."""
    rows, columns = int(true.max()) + 1, int(found.max()) + 1
    keys = true.astype(np.int64) * columns + found
    return np.bincount(keys.ravel(), minlength=rows * columns).reshape(rows, columns)


def _hull(one: Box, other: Box) -> Box:
    """The box round both."""
    first, second, third = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return first, second, third
