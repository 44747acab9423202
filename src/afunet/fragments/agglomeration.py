"""Put regions of a bone together unless a contact lies between them.

Two regions are judged by the whole border that they share at that moment: its mean probability of
contact. So a contact with holes still parts, while a spot of contact, or a line that ends inside
the bone, does not: the border that goes on through bone is long.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Border:
    """What two regions share: voxel faces, the sum of their contact, and of their places."""

    faces: int
    contact: float
    places: tuple[float, float, float]

    @property
    def mean(self) -> float:
        """The mean probability of contact, from 0 to 1."""
        return self.contact / self.faces

    @property
    def centre(self) -> tuple[float, float, float]:
        """The mean place (slice, row, column)."""
        first, second, third = self.places
        return first / self.faces, second / self.faces, third / self.faces

    def with_more(self, other: Border) -> Border:
        """Both together."""
        first, second, third = (a + b for a, b in zip(self.places, other.places, strict=True))
        return Border(
            self.faces + other.faces, self.contact + other.contact, (first, second, third)
        )


Pair = tuple[int, int]


def borders_of(regions: IntArray, contact: Float32Array) -> dict[Pair, Border]:
    """The border of every pair of regions that touch by faces, the lower number first.

    A face has the larger probability of its two voxels.
    """
    labels = int(regions.max()) + 1
    keys, values, places = [], [], []
    for axis in range(3):
        lines, told = np.moveaxis(regions, axis, 0), np.moveaxis(contact, axis, 0)
        one, other = lines[:-1], lines[1:]
        met = np.nonzero((one != other) & (one > 0) & (other > 0))
        a, b = one[met].astype(np.int64), other[met].astype(np.int64)
        keys.append(np.minimum(a, b) * labels + np.maximum(a, b))
        values.append(np.maximum(told[:-1][met], told[1:][met]))
        place = np.stack(met, axis=1).astype(np.float64)
        place[:, 0] += 0.5
        places.append(np.insert(place[:, 1:], axis, place[:, 0], axis=1))
    pairs, owner = np.unique(np.concatenate(keys), return_inverse=True)
    faces = np.bincount(owner, minlength=len(pairs))
    sums = np.bincount(owner, np.concatenate(values), len(pairs))
    place = np.concatenate(places)
    middles = np.stack([np.bincount(owner, place[:, k], len(pairs)) for k in range(3)], axis=1)
    return {
        (int(pair // labels), int(pair % labels)): Border(int(n), float(total), tuple(middle))
        for pair, n, total, middle in zip(pairs, faces, sums, middles.tolist(), strict=True)
    }


@dataclass(frozen=True, eq=False)
class Join:
    """Two regions that became one, by their border and the volumes in voxels at that moment."""

    kept: int
    lost: int
    border: Border
    smaller: int


@dataclass(frozen=True, eq=False)
class Agglomeration:
    """The region that each region became part of, (regions + 1,); borders that are left; joins."""

    owner: NDArray[np.int64]
    borders: Mapping[Pair, Border]
    joins: tuple[Join, ...]


def agglomerated(
    sizes: NDArray[np.int64], borders: Mapping[Pair, Border], asked: Callable[[Border, int], float]
) -> Agglomeration:
    """Join regions, the least separate first, as long as `asked` is below 1.

    `sizes` (regions + 1,) are volumes in voxels. `asked` gives how separate a border makes two
    regions of which the smaller has so many voxels, 1 and more being enough.
    """
    around: list[dict[int, Border]] = [{} for _ in sizes]
    for (one, other), border in borders.items():
        around[one][other] = around[other][one] = border
    size, owner = sizes.astype(np.int64).copy(), np.arange(len(sizes))
    number = count()
    heap = [
        (asked(border, int(min(size[one], size[other]))), next(number), one, other, border)
        for (one, other), border in borders.items()
    ]
    heapq.heapify(heap)
    joins: list[Join] = []
    while heap and heap[0][0] < 1:
        separate, _, one, other, border = heapq.heappop(heap)
        if around[one].get(other) is not border:
            continue
        smaller = int(min(size[one], size[other]))
        if (now := asked(border, smaller)) > separate:
            heapq.heappush(heap, (now, next(number), one, other, border))
            continue
        kept, lost = (one, other) if size[one] >= size[other] else (other, one)
        joins.append(Join(kept, lost, border, smaller))
        owner[lost] = kept
        size[kept] += size[lost]
        for near, shared in around[lost].items():
            del around[near][lost]
            if near == kept:
                continue
            both = around[kept].get(near)
            new = shared.with_more(both) if both else shared.with_more(Border(0, 0.0, (0, 0, 0)))
            around[kept][near] = around[near][kept] = new
            heapq.heappush(
                heap, (asked(new, int(min(size[kept], size[near]))), next(number), kept, near, new)
            )
        around[lost] = {}
    left = {
        (one, other): border
        for one, near in enumerate(around)
        for other, border in near.items()
        if one < other
    }
    return Agglomeration(_roots(owner), left, tuple(joins))


def _roots(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    while (owner[owner] != owner).any():
        owner = owner[owner]
    return owner
