"""Find the regions of a label map that touch or face each other across a gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.meetings import meetings_along

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
    count = int(labels.max()) + 1
    keys, touching, facing, depths = [], [], [], []
    for axis in range(3):
        met = meetings_along(axis, labels, int(reach_mm / spacing_mm[axis]))
        face_mm2 = float(np.prod(spacing_mm) / spacing_mm[axis])
        keys.append(met.pairs(count))
        touching.append(np.where(met.touch, face_mm2, 0.0))
        facing.append(np.where(met.touch, 0.0, face_mm2))
        shallower = np.minimum(depth_mm[tuple(met.places[0])], depth_mm[tuple(met.places[1])])
        depths.append(np.where(met.touch, shallower, 0))
    pairs, owner = np.unique(np.concatenate(keys), return_inverse=True)
    necks = np.zeros(len(pairs))
    np.maximum.at(necks, owner, np.concatenate(depths))
    return {
        (int(pair // count), int(pair % count)): Contact(float(a), float(b), float(neck))
        for pair, a, b, neck in zip(
            pairs,
            np.bincount(owner, np.concatenate(touching)),
            np.bincount(owner, np.concatenate(facing)),
            necks,
            strict=True,
        )
    }
