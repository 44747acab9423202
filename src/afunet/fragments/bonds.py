"""Join regions of a piece over the widest necks first, without joining two seeds."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


def joined_regions(
    regions: IntArray, depth_mm: FloatArray, seed_of: NDArray[np.int64], least_bond: float = 0.0
) -> NDArray[np.int64]:
    """Return the region that each region became part of, (regions,).

    `regions` from 1 and their depth below the surface lie on one grid; `seed_of` (regions,) is each
    region's seed, 0 if it has none. The bond of two regions is the depth where they meet divided by
    that of the thinner one; below `least_bond` they are not joined. Two regions with seeds are
    never joined. With a `least_bond` of 0, a region that touches one with a seed ends with one.
    """
    count = len(seed_of)
    deepest = np.zeros(count)
    filled = regions > 0
    np.maximum.at(deepest, regions[filled], depth_mm[filled])
    neighbours: list[dict[int, float]] = [{} for _ in range(count)]
    for (one, other), neck_mm in necks_of(regions, depth_mm).items():
        neighbours[one][other] = neighbours[other][one] = neck_mm
    return _Graph(deepest, neighbours, seed_of.astype(bool), least_bond).joined()


def necks_of(regions: IntArray, depth_mm: FloatArray) -> dict[tuple[int, int], float]:
    """Return the depth of the deepest faces that two regions share, the lower region first."""
    count = int(regions.max()) + 1
    keys, necks = [], []
    for axis in range(3):
        ahead = tuple(slice(1, None) if axis == one else slice(None) for one in range(3))
        behind = tuple(slice(None, -1) if axis == one else slice(None) for one in range(3))
        one, other = regions[behind], regions[ahead]
        met = (one != other) & (one > 0) & (other > 0)
        first, second = one[met].astype(np.int64), other[met].astype(np.int64)
        keys.append(np.minimum(first, second) * count + np.maximum(first, second))
        necks.append(np.minimum(depth_mm[behind][met], depth_mm[ahead][met]))
    pairs, owner = np.unique(np.concatenate(keys), return_inverse=True)
    neck_mm = np.zeros(len(pairs))
    np.maximum.at(neck_mm, owner, np.concatenate(necks))
    return {
        (int(pair // count), int(pair % count)): float(mm)
        for pair, mm in zip(pairs, neck_mm, strict=True)
    }


@dataclass(eq=False)
class _Graph:
    """Regions that are being joined: depth, necks in mm, and whether each holds a seed."""

    depth_mm: NDArray[np.float64]
    neighbours: list[dict[int, float]]
    has_seed: NDArray[np.bool_]
    least_bond: float

    def joined(self) -> NDArray[np.int64]:
        owner = np.arange(len(self.depth_mm))
        age = [0] * len(owner)  # how often a region has grown, -1 if it is gone
        waiting: list[tuple[float, int, int, int, int]] = []

        def push(one: int) -> None:
            for other, neck_mm in self.neighbours[one].items():
                if not (self.has_seed[one] and self.has_seed[other]):
                    bond = neck_mm / min(self.depth_mm[one], self.depth_mm[other])
                    if bond >= self.least_bond:
                        heapq.heappush(waiting, (-bond, one, other, age[one], age[other]))

        for one in range(len(owner)):
            push(one)
        while waiting:
            _, one, other, *ages = heapq.heappop(waiting)
            if ages != [age[one], age[other]]:
                continue
            kept, gone = (one, other) if self.has_seed[one] else (other, one)
            self._join(kept, gone)
            owner[owner == gone] = kept
            age[gone] = -1
            age[kept] += 1
            push(kept)
        return owner

    def _join(self, kept: int, gone: int) -> None:
        self.depth_mm[kept] = max(self.depth_mm[kept], self.depth_mm[gone])
        for third, neck_mm in self.neighbours[gone].items():
            del self.neighbours[third][gone]
            if third != kept:
                wider = max(neck_mm, self.neighbours[kept].get(third, 0.0))
                self.neighbours[kept][third] = self.neighbours[third][kept] = wider
        self.neighbours[gone] = {}
