"""Which pieces are of one leg, so that what tells the side of one tells the side of all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

FloatArray = NDArray[np.float64]


def legs_of(
    evidence: Sequence[float], gaps_mm: FloatArray, within_mm: float, sure: float
) -> list[list[int]]:
    """Groups of pieces, by index, that are of one leg; every piece is in one of them.

    `evidence` is what speaks for the left in each piece (its log odds), `gaps_mm` (N, N) how far
    pieces are from each other. The nearest are joined first, none over more than `within_mm`, and
    never two groups whose evidence is beyond `sure` for sides that differ: legs may touch.
    """
    count = len(evidence)
    group, sums = np.arange(count), np.array(evidence, dtype=float)
    first, second = np.nonzero(np.triu(gaps_mm <= within_mm, k=1))
    for pair in np.argsort(gaps_mm[first, second], kind="stable"):
        one, other = group[first[pair]], group[second[pair]]
        opposed = sums[one] * sums[other] < 0 and min(abs(sums[[one, other]])) > sure
        if one != other and not opposed:
            group[group == other] = one
            sums[one] += sums[other]
    return [np.flatnonzero(group == number).tolist() for number in np.unique(group)]


def gaps_between(clouds_mm: Sequence[FloatArray], within_mm: float) -> FloatArray:
    """Least distance between every two clouds of points, (N, N) in mm; infinite beyond reach."""
    gaps = np.full((len(clouds_mm), len(clouds_mm)), np.inf)
    trees = [KDTree(cloud) for cloud in clouds_mm]
    for one, tree in enumerate(trees):
        for other in range(one):
            apart = np.maximum(tree.mins - trees[other].maxes, trees[other].mins - tree.maxes)
            if not tree.n or not trees[other].n or apart.max() > within_mm:
                continue
            near, _ = tree.query(clouds_mm[other], distance_upper_bound=within_mm)
            gaps[one, other] = gaps[other, one] = near.min(initial=np.inf)
    return gaps
