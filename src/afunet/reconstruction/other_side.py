"""Fit a fragment to the mirrored bone of the other side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.certainty import Certainty, certainty
from afunet.reconstruction.fitting import different, near_starts, step
from afunet.reconstruction.meeting import Bed, Meeting
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

COARSE_POINTS, FINE_POINTS, FINE_TRIES = 400, 2000, 3
MAIN_MM, FRAGMENT_MM = np.geomspace(15.0, 2.5, 12), np.geomspace(6.0, 1.5, 10)
"""Distances from which pairs count less, step by step, of the main fragment and of another."""
FINE_MM = np.geomspace(2.5, 1.0, 12)
ALONG_MM, TURNED_DEG = (-30.0, 0.0, 30.0), 60.0
"""The main fragment is tried so far along its bone, and turned by this at most."""
ON_IT_MM = 2.0
"""A point lies on the other side's surface within this distance; further out there is no bone."""
AS_GOOD = 0.9
LEAST_SHARE, LEAST_MM2 = 0.6, 150.0
ASYMMETRY_MM, ASYMMETRY_DEG = 0.4, 1.0
"""Standard errors that come from the difference between the sides at least."""


@dataclass(frozen=True, eq=False)
class SideFit:
    """The move of a fragment to where it fits by the other side, and its errors."""

    move: Rigid
    certainty: Certainty


@dataclass(frozen=True, eq=False)
class OtherSide:
    """The mirrored bone of the other side, and the fit to it of the main fragment.

    `main_mm` is the centre (3,) of the main fragment.
    """

    bed: Bed
    main: SideFit
    main_mm: FloatArray

    @classmethod
    def mirrored(cls, other: SurfacePoints, fragments: Sequence[SurfacePoints]) -> OtherSide | None:
        """Fit the first fragment of a bone to the other side's surface; None if it does not fit.

        It is tried with the axes of all fragments together on those of the other side, and as it
        lies, each along the bone too.
        """
        flip = np.array([-1.0, 1.0, 1.0])
        bed = Bed(SurfacePoints(other.points_mm * flip, other.normals * flip, other.area_mm2))
        whole = np.concatenate([one.points_mm for one in fragments])
        main = _fitted(fragments[0], bed, _axis_starts(whole, bed.points.points_mm), MAIN_MM)
        return None if main is None else cls(bed, main, fragments[0].points_mm.mean(axis=0))

    def fit(self, fragment: SurfacePoints) -> SideFit | None:
        """Fit another fragment of the bone, against the main one; None if it does not fit."""
        centre_mm = fragment.points_mm.mean(axis=0)
        starts = [self.main.move.after(start) for start in near_starts(centre_mm)]
        found = _fitted(fragment, self.bed, starts, FRAGMENT_MM)
        if found is None:
            return None
        move = self.main.move.inverse().after(found.move)
        arm_mm = float(np.linalg.norm(move(centre_mm) - self.main_mm))
        return SideFit(move, found.certainty.upon(self.main.certainty, arm_mm))


def _axis_starts(whole_mm: FloatArray, bed_mm: FloatArray) -> list[Rigid]:
    """Moves of points (N, 3) onto others by their principal axes, or without a turn."""
    middle_mm, bed_middle_mm = whole_mm.mean(axis=0), bed_mm.mean(axis=0)
    axes, bed_axes = (np.linalg.eigh(np.cov(points.T))[1] for points in (whole_mm, bed_mm))
    turns = [np.eye(3)]
    for signs in product((1.0, -1.0), repeat=3):
        turn = bed_axes @ np.diag(signs) @ axes.T
        if np.linalg.det(turn) > 0:
            turns.append(turn)
    return [
        Rigid(turn, bed_middle_mm - turn @ middle_mm + along_mm * bed_axes[:, 2])
        for turn in turns
        if np.degrees(Rotation.from_matrix(turn).magnitude()) <= TURNED_DEG
        for along_mm in ALONG_MM
    ]


def _fitted(
    points: SurfacePoints, bed: Bed, starts: Sequence[Rigid], widths_mm: FloatArray
) -> SideFit | None:
    coarse, fine = points.fewer(COARSE_POINTS), points.fewer(FINE_POINTS)
    centre_mm = points.points_mm.mean(axis=0)
    begun = [_descended(coarse, bed, start, widths_mm) for start in starts]
    begun.sort(key=lambda move: -_score(coarse.moved(move), bed))
    moves = [
        _descended(fine, bed, move, FINE_MM) for move in different(begun, centre_mm)[:FINE_TRIES]
    ]
    scores = [_score(fine.moved(move), bed) for move in moves]
    best = int(np.argmax(scores))
    fitted = fine.moved(moves[best])
    pairs, outside_mm2 = _on(fitted, bed), _outside_mm2(fitted, bed)
    on_mm2 = float(pairs.area_mm2.sum())
    if on_mm2 < LEAST_MM2 or on_mm2 < LEAST_SHARE * (on_mm2 + outside_mm2):
        return None
    sure = certainty(pairs, fitted.points_mm.mean(axis=0))
    for score, move in zip(scores, moves, strict=True):
        if score >= AS_GOOD * scores[best]:
            sure = sure.with_another(moves[best], move, centre_mm)
    least = Certainty(ASYMMETRY_MM, ASYMMETRY_DEG)
    return SideFit(moves[best], sure.upon(least, 0.0))


def _on(points: SurfacePoints, bed: Bed) -> Meeting:
    """The points that lie on the surface of the other side."""
    pairs = bed.outer(points, ON_IT_MM)
    return pairs[np.abs(pairs.apart_mm) < ON_IT_MM]


def _outside_mm2(points: SurfacePoints, bed: Bed) -> float:
    """Area of the points outside the other side's bone; inside are the faces of the fracture."""
    return points.area_mm2 * int(np.count_nonzero(bed.above_mm(points) > ON_IT_MM))


def _score(points: SurfacePoints, bed: Bed) -> float:
    pairs = _on(points, bed)
    agree = 1 - (pairs.apart_mm / ON_IT_MM) ** 2
    return float((agree * pairs.area_mm2).sum()) - _outside_mm2(points, bed)


def _descended(points: SurfacePoints, bed: Bed, move: Rigid, widths_mm: FloatArray) -> Rigid:
    for width_mm in widths_mm:
        pairs = bed.outer(points.moved(move), 2 * float(width_mm))
        if len(pairs) < 6:
            return move
        weights = pairs.area_mm2 / (1 + (pairs.apart_mm / width_mm) ** 2) ** 2
        move = step(pairs, weights).after(move)
    return move
