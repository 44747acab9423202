"""Where voxels of different labels meet on a line along an axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Meetings:
    """Pairs of voxels with different labels and only background between, on lines along one axis.

    `places` (2, 3, N) are the indices of both; `apart` (N,) is 1 where they touch and counts one
    more for each voxel of background.
    """

    places: NDArray[np.intp]
    first: NDArray[np.integer]
    second: NDArray[np.integer]
    apart: NDArray[np.intp]

    @property
    def touch(self) -> NDArray[np.bool_]:
        """Whether both share a face, (N,)."""
        return np.asarray(self.apart == 1)

    def pairs(self, count: int) -> NDArray[np.int64]:
        """A number for each pair of labels below `count`: the lower one · count + the other."""
        first, second = self.first.astype(np.int64), self.second.astype(np.int64)
        return np.minimum(first, second) * count + np.maximum(first, second)


def meetings_along(axis: int, labels: NDArray[np.integer], most_between: int) -> Meetings:
    """The meetings along an axis of labels, 0 being background, not further apart than asked."""
    lines = np.moveaxis(labels, axis, -1)
    filled = lines != 0
    at, label = np.flatnonzero(filled), lines[filled]  # line by line
    changes = np.flatnonzero(label[:-1] != label[1:])
    apart = at[changes + 1] - at[changes]
    same_line = at[changes + 1] % lines.shape[-1] >= apart
    meets = same_line & (apart <= most_between + 1)
    before = changes[meets]
    *others, along = np.unravel_index(at[[before, before + 1]], lines.shape)
    others.insert(axis, along)
    return Meetings(np.stack(others, axis=1), label[before], label[before + 1], apart[meets])
