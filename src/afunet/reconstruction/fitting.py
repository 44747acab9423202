"""Fit a fragment to the bone that it broke from.

A trimmed point-to-plane registration from several starts (Chen and Medioni 1992; Chetverikov et al.
2002) with the symmetric error of Rusinkiewicz 2019. Three kinds of pairs pull: faces of the
fracture that should lie on each other, the outer surface that should go on across the fracture
line, and points of the fragment inside the bone, which should come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.points import bounds_of
from afunet.geometry.rigid import Rigid
from afunet.reconstruction.certainty import Certainty, certainty
from afunet.reconstruction.meeting import ACROSS_MM, ASIDE_MM, Bed, Meeting
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

NEAR_MM = 25.0
"""The part of the bone within this distance of the fragment is searched."""
START_TURN_DEG, START_SHIFT_MM = 8.0, 4.0
OUTER_WEIGHT = 0.5
ON_EACH_OTHER_MM = 0.75
AS_GOOD = 0.8
"""Another place is as good from this share of the best score on."""
OPEN_MM = 12.0
"""Surfaces that face each other within this distance should have met."""
SLIDES_MM = 1.0
"""A fragment slides if its faces alone leave a larger standard error."""
COARSE_POINTS, FINE_POINTS, FINE_TRIES = 500, 2500, 3
COARSE_MM = (np.geomspace(3.0, 0.7, 12), np.geomspace(5.0, 0.7, 12))
FINE_MM = np.geomspace(1.5, 0.5, 14)
"""Distances from which pairs count less, step by step; twice as far apart, they do not count."""
SAME_MM, SAME_DEG = 0.5, 1.0


@dataclass(frozen=True, eq=False)
class Fit:
    """The move of a fragment to where it fits.

    `matched_mm2` is the area of its surface that lies on that of the bone after the move, less half
    of that with a gap between. `share` is the matched part of all that should lie on each other,
    seen from the fragment or from the bone, whichever is less. A flat surface lies on any other:
    `slides` tells that the matched surfaces alone do not hold the fragment.
    """

    move: Rigid
    matched_mm2: float
    share: float
    certainty: Certainty
    slides: bool


def fit(fragment: SurfacePoints, bone: SurfacePoints, starts: Sequence[Rigid] = ()) -> Fit | None:
    """Fit the points of a fragment to those of a bone; None if they do not meet.

    `starts` are moves from which to begin besides those near the present place.
    """
    near = bone.near(*bounds_of(fragment.points_mm), NEAR_MM)
    if not len(near):
        return None
    bed, centre_mm = Bed(near), fragment.points_mm.mean(axis=0)
    coarse, fine = fragment.fewer(COARSE_POINTS), fragment.fewer(FINE_POINTS)
    begun = [
        _descended(coarse, bed, start, widths_mm)
        for start in (*starts, *near_starts(centre_mm))
        for widths_mm in COARSE_MM
    ]
    begun.sort(key=lambda move: -_score(coarse.moved(move), bed))
    tried = different(begun, centre_mm)[:FINE_TRIES]
    moves = [_descended(fine, bed, move, FINE_MM) for move in tried]
    scores = [_score(fine.moved(move), bed) for move in moves]
    best = int(np.argmax(scores))
    if scores[best] <= 0:
        return None
    fitted = fine.moved(moves[best])
    from_bone = bed.points.near(*bounds_of(fitted.points_mm), OPEN_MM)
    faces, outer = _lying(fitted, bed)
    middle_mm = fitted.points_mm.mean(axis=0)
    sure = certainty(Meeting.joined([faces, outer]), middle_mm)
    for score, move in zip(scores, moves, strict=True):
        if score >= AS_GOOD * scores[best]:
            sure = sure.with_another(moves[best], move, centre_mm)
    return Fit(
        moves[best],
        _matched_mm2(fitted, bed),
        min(_share(fitted, bed), _share(from_bone, Bed(fitted))),
        sure,
        slides=certainty(faces, middle_mm).shift_mm > SLIDES_MM,
    )


def _lying(fitted: SurfacePoints, bed: Bed) -> tuple[Meeting, Meeting]:
    """The faces that lie on each other, and the outer surface that goes on."""
    faces, outer = bed.faces(fitted, ASIDE_MM), bed.outer(fitted, ACROSS_MM)
    near = ASIDE_MM / 2
    return faces[np.abs(faces.apart_mm) < near], outer[np.abs(outer.apart_mm) < near]


def _share(fragment: SurfacePoints, bed: Bed) -> float:
    """The matched part of what has the bed opposite or lies inside it."""
    faces = bed.faces(fragment, OPEN_MM)
    opposite_mm2 = float(faces.area_mm2[faces.aside_mm < ASIDE_MM].sum())
    driven_mm2 = float(bed.inside(fragment).area_mm2.sum())
    return _matched_mm2(fragment, bed) / max(opposite_mm2 + driven_mm2, 1e-9)


def _score(fragment: SurfacePoints, bed: Bed) -> float:
    """How well a fragment fits: the area that matches, and the outer surface that goes on."""
    outer, inside = bed.outer(fragment, ACROSS_MM), bed.inside(fragment)
    goes_on_mm2 = float((_agreement(outer) * outer.area_mm2).sum())
    driven_mm2 = float(inside.area_mm2.sum())
    return _matched_mm2(fragment, bed) + OUTER_WEIGHT * goes_on_mm2 - driven_mm2


def _matched_mm2(fragment: SurfacePoints, bed: Bed) -> float:
    """Area of the faces that lie on each other, less half of that with a gap between."""
    faces = bed.faces(fragment, 2 * ASIDE_MM)
    return float((_agreement(faces) * faces.area_mm2)[faces.aside_mm < ASIDE_MM].sum())


def _agreement(pairs: Meeting) -> FloatArray:
    """1 for pairs without a distance, 0 at `ON_EACH_OTHER_MM`, at last -0.5."""
    return np.clip(1 - (pairs.apart_mm / ON_EACH_OTHER_MM) ** 2, -0.5, 1)


def near_starts(centre_mm: FloatArray) -> list[Rigid]:
    """Return the present place, and turns and shifts about and along each axis, either way."""
    ways = np.concatenate([np.eye(3), -np.eye(3)])
    turns = [Rigid.about(centre_mm, np.radians(START_TURN_DEG) * way, np.zeros(3)) for way in ways]
    return [Rigid.still(), *turns, *(Rigid(np.eye(3), START_SHIFT_MM * way) for way in ways)]


def different(moves: Sequence[Rigid], centre_mm: FloatArray) -> list[Rigid]:
    """Return the moves without those that end where an earlier one ends."""
    kept: list[Rigid] = []
    for move in moves:
        if all(
            np.linalg.norm(move(centre_mm) - other(centre_mm)) > SAME_MM
            or move.after(other.inverse()).angle_deg > SAME_DEG
            for other in kept
        ):
            kept.append(move)
    return kept


def _descended(fragment: SurfacePoints, bed: Bed, move: Rigid, widths_mm: FloatArray) -> Rigid:
    for width_mm in widths_mm:
        pairs, weights = _pulling(fragment.moved(move), bed, float(width_mm))
        if len(pairs) < 6:
            return move
        move = step(pairs, weights).after(move)
    return move


def _pulling(now: SurfacePoints, bed: Bed, width_mm: float) -> tuple[Meeting, FloatArray]:
    reach_mm = 2 * width_mm + 1
    faces, outer = bed.faces(now, reach_mm), bed.outer(now, ACROSS_MM)
    inside = bed.inside(now)
    weights = [
        faces.area_mm2 / (1 + (faces.distance_mm / width_mm) ** 2) ** 2,
        OUTER_WEIGHT * outer.area_mm2 / (1 + (outer.apart_mm / width_mm) ** 2) ** 2,
        inside.area_mm2 / (1 + (inside.apart_mm / max(width_mm, 1.5)) ** 2) ** 2,
    ]
    return Meeting.joined([faces, outer, inside]), np.concatenate(weights)


def step(pairs: Meeting, weights: FloatArray) -> Rigid:
    """Return the small move that brings the pairs together; directions without a pull stay."""
    centre_mm = np.average(pairs.fragment_mm, axis=0, weights=weights)
    arms = pairs.fragment_mm - centre_mm
    size_mm = float(np.sqrt((arms**2).sum(axis=1).mean()))
    rows = np.hstack([np.cross(arms, pairs.normals) / size_mm, pairs.normals])
    pull = rows.T * weights
    normal = pull @ rows
    held = normal + 1e-3 * np.trace(normal) / 6 * np.eye(6)
    found = np.linalg.solve(held, -pull @ pairs.apart_mm)
    return Rigid.about(centre_mm, found[:3] / size_mm, found[3:])
