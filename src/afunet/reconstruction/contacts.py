"""Find the regions of a label map that touch or face each other across a gap."""

from __future__ import annotations

from dataclasses import dataclass

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
    meetings = [_along(axis, labels, depth_mm, spacing_mm, reach_mm) for axis in range(3)]
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
    """Pairs of voxels on lines along one axis with other labels and only background between.

    Whether they touch, and the depth of those that do, 0 of the others.
    """

    first: Labels
    second: Labels
    touch: NDArray[np.bool_]
    face_mm2: float
    depth_mm: FloatArray

    def pairs(self, count: int) -> NDArray[np.int64]:
        first, second = self.first.astype(np.int64), self.second.astype(np.int64)
        return np.minimum(first, second) * count + np.maximum(first, second)

    def areas_mm2(self, *, touching: bool) -> NDArray[np.float64]:
        return np.where(self.touch == touching, self.face_mm2, 0.0)


def _along(
    axis: int,
    labels: Labels,
    depth_mm: FloatArray,
    spacing_mm: tuple[float, float, float],
    reach_mm: float,
) -> _Meetings:
    lines = np.moveaxis(labels, axis, -1)
    filled = lines != 0
    at, label = np.flatnonzero(filled), lines[filled]  # line by line
    changes = np.flatnonzero(label[:-1] != label[1:])
    apart = at[changes + 1] - at[changes]
    same_line = at[changes + 1] % lines.shape[-1] >= apart
    meets = same_line & (apart <= int(reach_mm / spacing_mm[axis]) + 1)
    before, touch = changes[meets], apart[meets] == 1
    places = np.unravel_index(at[[before, before + 1]], lines.shape)
    shallower = np.moveaxis(depth_mm, axis, -1)[places].min(axis=0)
    return _Meetings(
        label[before],
        label[before + 1],
        touch,
        float(np.prod(spacing_mm) / spacing_mm[axis]),
        np.where(touch, shallower, 0),
    )
