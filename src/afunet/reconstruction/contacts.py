"""Find the regions of a label map that touch or face each other across a gap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Contact:
    """How two regions meet: areas in mm², depth in mm.

    `touching_mm2` is the area of the voxel faces between them, `facing_mm2` the area where they
    face each other across a gap of background. `neck_mm` is the depth below the mask's surface of
    the deepest voxels that touch: half the width of the bridge between the regions.
    """

    touching_mm2: float
    facing_mm2: float
    neck_mm: float

    @property
    def share(self) -> float:
        """The share of the common area that touches, from 0 to 1."""
        return self.touching_mm2 / (self.touching_mm2 + self.facing_mm2)

    def with_more(self, other: Contact) -> Contact:
        """Return the sum of two contacts, for when a region's neighbours become one."""
        return Contact(
            self.touching_mm2 + other.touching_mm2,
            self.facing_mm2 + other.facing_mm2,
            max(self.neck_mm, other.neck_mm),
        )


def contacts_of(
    labels: Labels, depth_mm: FloatArray, spacing_mm: tuple[float, float, float], reach_mm: float
) -> dict[tuple[int, int], Contact]:
    """Return the contact of every pair of labels that meet, the lower label first.

    `labels` (slice, row, column), 0 being background, and their depth below the surface lie on one
    grid of `spacing_mm` in the same order. Labels that are more than `reach_mm` apart along an axis
    do not meet.
    """
    meetings = list(
        chain.from_iterable(
            _along(axis, labels, depth_mm, spacing_mm, reach_mm) for axis in range(3)
        )
    )
    count = int(labels.max()) + 1
    keys = np.concatenate([meeting.pairs(count) for meeting in meetings])
    touching = np.concatenate([meeting.areas_mm2(touching=True) for meeting in meetings])
    facing = np.concatenate([meeting.areas_mm2(touching=False) for meeting in meetings])
    depth = np.concatenate([meeting.depth_mm for meeting in meetings])
    pairs, owner = np.unique(keys, return_inverse=True)
    necks = np.zeros(len(pairs))
    np.maximum.at(necks, owner, depth)
    return {
        (int(pair // count), int(pair % count)): Contact(float(a), float(b), float(neck))
        for pair, a, b, neck in zip(
            pairs, np.bincount(owner, touching), np.bincount(owner, facing), necks, strict=True
        )
    }


@dataclass(frozen=True, eq=False)
class _Meetings:
    """Pairs of voxels along one axis with `gap` voxels between; the depth of those that touch."""

    first: Labels
    second: Labels
    gap: int
    face_mm2: float
    depth_mm: FloatArray

    def pairs(self, count: int) -> NDArray[np.int64]:
        first, second = self.first.astype(np.int64), self.second.astype(np.int64)
        return np.minimum(first, second) * count + np.maximum(first, second)

    def areas_mm2(self, *, touching: bool) -> NDArray[np.float64]:
        return np.full(len(self.first), self.face_mm2 if touching == (self.gap == 0) else 0.0)


def _along(
    axis: int,
    labels: Labels,
    depth_mm: FloatArray,
    spacing_mm: tuple[float, float, float],
    reach_mm: float,
) -> list[_Meetings]:
    along, depth = np.moveaxis(labels, axis, 0), np.moveaxis(depth_mm, axis, 0)
    face_mm2 = float(np.prod(spacing_mm) / spacing_mm[axis])
    found = []
    for gap in range(int(reach_mm / spacing_mm[axis]) + 1):
        first, second = along[: -gap - 1], along[gap + 1 :]
        meets = (first != second) & (first > 0) & (second > 0)
        for between in range(1, gap + 1):
            meets &= along[between : len(along) - gap - 1 + between] == 0
        neck = np.zeros(int(meets.sum()))
        if gap == 0:
            neck = np.minimum(depth[:-1][meets], depth[1:][meets])
        found.append(_Meetings(first[meets], second[meets], gap, face_mm2, neck))
    return found
