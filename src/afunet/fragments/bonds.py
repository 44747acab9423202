"""Join regions of a piece, the strongest bond first, without joining two seeds."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Meeting:
    """Where two regions meet: area in mm², the evidence for a contact summed over it, the neck.

    `neck_mm` is the depth below the surface of the deepest voxels that touch.
    """

    area_mm2: float
    evidence_mm2: float
    neck_mm: float

    def with_more(self, other: Meeting) -> Meeting:
        """Return the sum of two meetings, for when a region's neighbours become one."""
        return Meeting(
            self.area_mm2 + other.area_mm2,
            self.evidence_mm2 + other.evidence_mm2,
            max(self.neck_mm, other.neck_mm),
        )


def joined_regions(
    regions: IntArray,
    depth_mm: FloatArray,
    evidence: FloatArray,
    spacing_mm: tuple[float, float, float],
    seed_of: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the region that each region became part of, (regions,).

    `regions` from 1, their depth and the evidence for a contact, 0 to 1, lie on one grid of
    `spacing_mm`; `seed_of` (regions,) is each region's seed, 0 if it has none. Two regions with
    seeds are never joined. A region that touches one with a seed ends with one.
    """
    count = len(seed_of)
    deepest = np.zeros(count)
    filled = regions > 0
    np.maximum.at(deepest, regions[filled], depth_mm[filled])
    neighbours: list[dict[int, Meeting]] = [{} for _ in range(count)]
    for (one, other), meeting in meetings_of(regions, depth_mm, evidence, spacing_mm).items():
        neighbours[one][other] = neighbours[other][one] = meeting
    graph = _Graph(deepest, neighbours, seed_of.astype(bool))
    return graph.joined()


def meetings_of(
    regions: IntArray,
    depth_mm: FloatArray,
    evidence: FloatArray,
    spacing_mm: tuple[float, float, float],
) -> dict[tuple[int, int], Meeting]:
    """Return the meeting of every pair of regions that share voxel faces, the lower one first."""
    count = int(regions.max()) + 1
    keys, areas, sums, necks = [], [], [], []
    for axis in range(3):
        ahead = tuple(slice(1, None) if axis == one else slice(None) for one in range(3))
        behind = tuple(slice(None, -1) if axis == one else slice(None) for one in range(3))
        one, other = regions[behind], regions[ahead]
        met = (one != other) & (one > 0) & (other > 0)
        first, second = one[met].astype(np.int64), other[met].astype(np.int64)
        keys.append(np.minimum(first, second) * count + np.maximum(first, second))
        face_mm2 = float(np.prod(spacing_mm) / spacing_mm[axis])
        areas.append(np.full(len(first), face_mm2))
        sums.append(face_mm2 * np.maximum(evidence[behind][met], evidence[ahead][met]))
        necks.append(np.minimum(depth_mm[behind][met], depth_mm[ahead][met]))
    pairs, owner = np.unique(np.concatenate(keys), return_inverse=True)
    neck = np.zeros(len(pairs))
    np.maximum.at(neck, owner, np.concatenate(necks))
    area = np.bincount(owner, np.concatenate(areas), len(pairs))
    total = np.bincount(owner, np.concatenate(sums), len(pairs))
    return {
        (int(pair // count), int(pair % count)): Meeting(*map(float, values))
        for pair, *values in zip(pairs, area, total, neck, strict=True)
    }


@dataclass(eq=False)
class _Graph:
    """Regions that are being joined: depth, meetings, and whether each holds a seed."""

    depth_mm: NDArray[np.float64]
    neighbours: list[dict[int, Meeting]]
    has_seed: NDArray[np.bool_]

    def joined(self) -> NDArray[np.int64]:
        owner = np.arange(len(self.depth_mm))
        age = [0] * len(owner)  # how often a region has changed
        waiting: list[tuple[float, int, int, int, int]] = []

        def push(one: int) -> None:
            for other in self.neighbours[one]:
                if not (self.has_seed[one] and self.has_seed[other]):
                    entry = (-self._bond(one, other), one, other, age[one], age[other])
                    heapq.heappush(waiting, entry)

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

    def _bond(self, one: int, other: int) -> float:
        """Return how strongly two regions are one, from 0 to 1."""
        meeting = self.neighbours[one][other]
        thinner_mm = min(self.depth_mm[one], self.depth_mm[other])
        held = 1 - meeting.evidence_mm2 / meeting.area_mm2
        return float(held * min(1.0, meeting.neck_mm / thinner_mm))

    def _join(self, kept: int, gone: int) -> None:
        self.depth_mm[kept] = max(self.depth_mm[kept], self.depth_mm[gone])
        for third, meeting in self.neighbours[gone].items():
            del self.neighbours[third][gone]
            if third != kept:
                known = self.neighbours[kept].get(third)
                both = meeting if known is None else known.with_more(meeting)
                self.neighbours[kept][third] = self.neighbours[third][kept] = both
        self.neighbours[gone] = {}
