"""Put regions of a bone together unless a contact lies between them.

Two regions are judged by the whole border that they share at that moment: its mean probability of
contact. So a contact with holes still parts, while a spot of contact, or a line that ends inside
the bone, does not: the border that goes on through bone is long.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.meetings import meetings_along

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Border:
    """Where two regions meet: faces, the sum of their contact, and of their places.

    `touching` of the `faces` are shared; across the others the regions face each other over a gap.
    """

    faces: int
    touching: int
    contact: float
    places: tuple[float, float, float]

    @property
    def mean(self) -> float:
        """The mean probability of contact, from 0 to 1; across a gap it is 1."""
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
            self.faces + other.faces,
            self.touching + other.touching,
            self.contact + other.contact,
            (first, second, third),
        )


Pair = tuple[int, int]


def borders_of(regions: IntArray, contact: Float32Array, reach: int = 0) -> dict[Pair, Border]:
    """The border of every pair of regions that meet, the lower number first.

    A shared face has the larger probability of its two voxels. Across a gap of up to `reach` voxels
    regions face each other; there is contact for sure.
    """
    labels = int(regions.max()) + 1
    keys, values, places, touching = [], [], [], []
    for axis in range(3):
        met = meetings_along(axis, regions, reach)
        larger = np.maximum(contact[tuple(met.places[0])], contact[tuple(met.places[1])])
        keys.append(met.pairs(labels))
        values.append(np.where(met.touch, larger, 1))
        places.append(met.places.mean(axis=0))
        touching.append(met.touch)
    pairs, owner = np.unique(np.concatenate(keys), return_inverse=True)
    count = len(pairs)
    faces = np.bincount(owner, minlength=count)
    touch = np.bincount(owner, np.concatenate(touching), count).astype(np.int64)
    sums = np.bincount(owner, np.concatenate(values), count)
    place = np.concatenate(places, axis=1)
    middles = np.stack([np.bincount(owner, place[k], count) for k in range(3)], axis=1)
    return {
        (int(pair // labels), int(pair % labels)): Border(int(n), int(t), float(c), tuple(middle))
        for pair, n, t, c, middle in zip(pairs, faces, touch, sums, middles.tolist(), strict=True)
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
    sizes: NDArray[np.int64],
    borders: Mapping[Pair, Border],
    asked: Callable[[Border, int], float],
    seeded: NDArray[np.bool_] | None = None,
) -> Agglomeration:
    """Join regions, the least separate first, as long as `asked` is below 1.

    `sizes` (regions + 1,) are volumes in voxels. `asked` gives how separate a border makes two
    regions of which the smaller has so many voxels, 1 and more being enough. Two regions that are
    `seeded` (regions + 1,), or hold one that is, are never joined.
    """
    held = np.zeros(len(sizes), dtype=np.bool_) if seeded is None else seeded.copy()
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
        if around[one].get(other) is not border or (held[one] and held[other]):
            continue
        smaller = int(min(size[one], size[other]))
        if (now := asked(border, smaller)) > separate:
            heapq.heappush(heap, (now, next(number), one, other, border))
            continue
        kept, lost = (one, other) if size[one] >= size[other] else (other, one)
        joins.append(Join(kept, lost, border, smaller))
        owner[lost] = kept
        size[kept] += size[lost]
        held[kept] |= held[lost]
        for near, shared in around[lost].items():
            del around[near][lost]
            if near == kept:
                continue
            both = around[kept].get(near)
            new = shared.with_more(both) if both else shared.with_more(Border(0, 0, 0.0, (0, 0, 0)))
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


def sides_of(joins: Iterable[Join]) -> Iterator[tuple[Join, list[int], list[int]]]:
    """Each join with the regions that were together before it, on the kept and on the lost side.

    The lists change with the next join.
    """
    members: dict[int, list[int]] = {}
    for join in joins:
        kept, lost = (members.setdefault(side, [side]) for side in (join.kept, join.lost))
        yield join, kept, lost
        kept += lost


def _roots(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    while (owner[owner] != owner).any():
        owner = owner[owner]
    return owner
