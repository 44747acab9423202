"""Which pieces belong to one leg, and which side that leg is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation
from scipy.special import expit, logit

from afunet.anatomy.coarse_grid import CoarseGrid, LabelSampling
from afunet.anatomy.side_network import LimbSider, limb_windows

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
SURE = 0.99
"""The probability of a side that a single piece can give is limited to this."""
TURNS_DEG = ((0.0,), (-10.0,), (10.0,))
"""Rotations of a leg about its long axis in which the network sees its shape."""
THINNED_MM = 4.0
"""The approximate distance between the points that gaps are measured from."""


@dataclass(frozen=True)
class SideRules:
    """The rules that decide the side of a leg.

    A side is reported from the probability `least` on; below `sure` the shape of the leg counts
    too. Pieces within `within_mm` of each other belong to one leg. Pieces smaller than `whole_mm3`
    count less, and less bone than that in all is not a leg.
    """

    least: float = 0.8
    sure: float = 0.9
    within_mm: float = 30.0
    whole_mm3: float = 3000.0


@dataclass(frozen=True, eq=False)
class Legs:
    """For each label the probability of the left side, whether it is of a leg, and of which leg.

    All are (labels,). Legs are numbered from 0; `leg` is -1 for pieces that were not assigned to a
    leg.
    """

    left: FloatArray
    of_leg: NDArray[np.bool_]
    leg: NDArray[np.int64]


def find_legs(
    sampling: LabelSampling,
    of_leg: NDArray[np.bool_],
    left: FloatArray,
    sider: LimbSider | None,
    rules: SideRules,
) -> Legs:
    """The side of every piece, the same for all pieces of one leg.

    `left` (labels,) is the probability of the left side for each piece by itself; `of_leg`
    (labels,) marks the pieces that may belong to a leg, the others keep their probability. A leg
    gets the mean of its pieces' log odds. If that is not sure, the log odds that `sider` gives the
    shape of the leg are added.
    """
    volumes, clouds = _pieces(sampling)
    # A piece of a few voxels may lie between the sampled ones.
    found = Legs(left.copy(), of_leg & (volumes > 0), np.full(len(left), -1))
    pieces = np.flatnonzero(found.of_leg)
    weights = np.minimum(volumes / rules.whole_mm3, 1)
    evidence = (logit(left.clip(1 - SURE, SURE)) * weights)[pieces]
    gaps = gaps_between([clouds[piece] for piece in pieces], rules.within_mm)
    legs = joined_pieces(evidence.tolist(), gaps, rules.within_mm, float(logit(rules.least)))
    for number, leg in enumerate(legs):
        found.leg[pieces[leg]] = number
        told = float(evidence[leg].sum() / weights[pieces[leg]].sum())
        if sider is not None and abs(told) < logit(rules.sure):
            told += _side_by_shape(sampling, pieces[leg] + 1, sider)
        found.left[pieces[leg]] = expit(told)
        found.of_leg[pieces[leg]] = volumes[pieces[leg]].sum() >= rules.whole_mm3
    return found


def _side_by_shape(sampling: LabelSampling, labels: NDArray[np.integer], sider: LimbSider) -> float:
    """Log odds of the left side for one leg: the mean over its windows and rotations."""
    clouds = [points.mm[np.isin(points.labels, labels)] for points in sampling.points()]
    points_mm, sees = np.concatenate(clouds), sampling.volume.sees

    def windows(turn: FloatArray) -> Float32Array:
        turned_mm = points_mm @ turn.T
        return limb_windows(
            turned_mm, sampling.point_mm3, lambda places: sees(places @ turn), sider.config
        )

    turns = Rotation.from_euler("z", TURNS_DEG, degrees=True).as_matrix()
    return float(sider(np.concatenate([windows(turn) for turn in turns])).mean())


def _pieces(sampling: LabelSampling) -> tuple[FloatArray, list[FloatArray]]:
    """Each label's volume in mm³, and a thinned-out cloud of its points, (N, 3) in LPS mm."""
    count = int(sampling.volume.voxels.max())
    low, high = sampling.bounds_mm()
    grid = CoarseGrid.around(low, high, THINNED_MM, margin=0)
    size = int(np.prod(grid.shape))
    totals, keys = np.zeros(count + 1), []
    for points in sampling.points():
        totals += np.bincount(points.labels, minlength=count + 1)
        keys.append(np.unique(points.labels.astype(np.int64) * size + grid.cells(points.mm)))
    labels, cells = np.divmod(np.unique(np.concatenate(keys)), size)
    mm = grid.centres_mm().reshape(-1, 3)[cells].astype(np.float64)
    ends = np.searchsorted(labels, np.arange(1, count + 2))
    return totals[1:] * sampling.point_mm3, np.split(mm, ends)[1:-1]


def joined_pieces(
    evidence: Sequence[float], gaps_mm: FloatArray, within_mm: float, sure: float
) -> list[list[int]]:
    """Group the pieces by leg; every index of a piece is in one group.

    `evidence` holds the log odds of the left side for each piece, `gaps_mm` (N, N) the distances
    between pieces. The nearest pieces are joined first, none more than `within_mm` apart. Two
    groups whose log odds exceed `sure` for different sides are never joined, since legs may touch.
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
    """Distances between clouds of points, (N, N) in mm; infinite beyond `within_mm`."""
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
