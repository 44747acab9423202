"""Put the fragments of one bone together, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.certainty import Certainty
from afunet.reconstruction.fitting import Fit, fit
from afunet.reconstruction.meeting import Bed
from afunet.reconstruction.other_side import OtherSide
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

FRAGMENT_MM2, BED_MM2 = 0.5, 1.0
"""Area of a surface for each of its points."""
NEIGHBOUR_MM, LEAST_FACING_MM2 = 8.0, 15.0
"""A fragment meets another if so much of its surface faces it within this distance."""
KNOWN_SHIFT_MM, KNOWN_TURN_DEG = 1.0, 4.0
"""A place is known if its standard errors are not larger than these."""
LEAST_MATCHED_MM2, LEAST_SHARE, LEAST_SHARE_OF_FLAT = 150.0, 0.5, 0.75
"""Less of the fracture surface may match; a flat one lies on any other, unless it is all there."""
STANDARD_ERRORS = 2.0


class FittedTo(StrEnum):
    """What a fragment was fitted to."""

    FRACTURE = "fracture surface"
    OTHER_SIDE = "other side"


@dataclass(frozen=True, eq=False)
class Placed:
    """The move of a fragment to where it fits, on the fragments `beside` it (their indices)."""

    move: Rigid
    certainty: Certainty
    fitted_to: FittedTo
    beside: tuple[int, ...]

    @property
    def shift_known(self) -> bool:
        """Whether the place of the centre is known."""
        return self.certainty.shift_mm <= KNOWN_SHIFT_MM

    @property
    def turn_known(self) -> bool:
        """Whether the rotation is known."""
        return self.certainty.turn_deg <= KNOWN_TURN_DEG

    def checked(self, other: Placed, centre_mm: FloatArray) -> Placed:
        """Return the more certain of two places of a fragment, around a centre (3,), if they agree.

        If both are known and differ by more than their errors, neither is known.
        """
        best, second = sorted((self, other), key=lambda placed: placed._vagueness)
        apart_mm = float(np.linalg.norm(best.move(centre_mm) - second.move(centre_mm)))
        apart_deg = best.move.after(second.move.inverse()).angle_deg
        sure, less = best.certainty, second.certainty
        allowed_mm = STANDARD_ERRORS * float(np.hypot(sure.shift_mm, less.shift_mm))
        allowed_deg = STANDARD_ERRORS * float(np.hypot(sure.turn_deg, less.turn_deg))
        differ = (second.shift_known and apart_mm > allowed_mm) or (
            second.turn_known and apart_deg > allowed_deg
        )
        return replace(best, certainty=Certainty.none()) if differ else best

    @property
    def _vagueness(self) -> float:
        return self.certainty.shift_mm / KNOWN_SHIFT_MM + self.certainty.turn_deg / KNOWN_TURN_DEG


def assembled(
    fragments: Sequence[SurfacePoints], other_side: SurfacePoints | None = None
) -> dict[int, Placed]:
    """Fit all fragments to the first one, or to those that were fitted before.

    The fragment that faces the placed ones over the largest area comes next; others are fitted to a
    fragment only if its own place is known. `other_side` is the surface of the same bone of the
    other side: fragments are fitted to it as well, and those that face none to it only.
    """
    facing = _facing_mm2(fragments)
    side = other_side and OtherSide.mirrored(other_side, fragments)
    by_side = {
        one: Placed(fitted.move, fitted.certainty, FittedTo.OTHER_SIDE, ())
        for one in range(1, len(fragments))
        if side and (fitted := side.fit(fragments[one]))
    }
    moves = {0: Rigid.still()}
    found: dict[int, Placed] = dict(by_side)
    tried: dict[int, frozenset[int]] = {}
    while True:
        waiting = {
            one: frozenset(other for other in moves if facing[one, other] >= LEAST_FACING_MM2)
            for one in range(1, len(fragments))
            if one not in moves
        }
        waiting = {one: met for one, met in waiting.items() if met and tried.get(one) != met}
        if not waiting:
            return found
        one = max(waiting, key=lambda i: sum(facing[i, other] for other in waiting[i]))
        beside = tuple(sorted(waiting[one]))
        tried[one] = waiting[one]
        bed = SurfacePoints.joined([fragments[other].moved(moves[other]) for other in beside])
        result = fit(fragments[one], bed, [moves[other] for other in beside if other])
        if result is not None:
            below = _errors_beside(one, beside, facing, found, fragments)
            sure = result.certainty.upon(below, 0.0) if _lies_well(result) else Certainty.none()
            found[one] = Placed(result.move, sure, FittedTo.FRACTURE, beside)
            if one in by_side:
                centre_mm = fragments[one].points_mm.mean(axis=0)
                with_side = replace(by_side[one], beside=beside)
                found[one] = found[one].checked(with_side, centre_mm)
        if one in found and found[one].shift_known and found[one].turn_known:
            moves[one] = found[one].move


def _lies_well(found: Fit) -> bool:
    """Whether most of what faces the bed lies on it; otherwise the fragment fits nowhere."""
    least = LEAST_SHARE_OF_FLAT if found.slides else LEAST_SHARE
    return found.matched_mm2 >= LEAST_MATCHED_MM2 and found.share >= least


def _errors_beside(
    one: int,
    beside: Sequence[int],
    facing: FloatArray,
    found: Mapping[int, Placed],
    fragments: Sequence[SurfacePoints],
) -> Certainty:
    """The errors of the bed, those of each fragment in it by the area that faces it."""
    centre_mm, largest_mm2 = fragments[one].points_mm.mean(axis=0), max(facing[one, list(beside)])
    sure = Certainty(0.0, 0.0)
    for other in beside:
        if other:
            arm_mm = float(np.linalg.norm(centre_mm - fragments[other].points_mm.mean(axis=0)))
            part = float(facing[one, other] / largest_mm2)
            sure = sure.upon(found[other].certainty.times(part), arm_mm)
    return sure


def _facing_mm2(fragments: Sequence[SurfacePoints]) -> FloatArray:
    """Area (N, N) of each fragment that faces each other one."""
    beds = [Bed(one.fewer(4000)) for one in fragments]
    areas = np.zeros((len(fragments), len(fragments)))
    for one, points in enumerate(fragments):
        for other, bed in enumerate(beds):
            if one != other:
                low, high = bed.points.points_mm.min(axis=0), bed.points.points_mm.max(axis=0)
                near = points.fewer(2000).near(low, high, NEIGHBOUR_MM)
                areas[one, other] = bed.faces(near, NEIGHBOUR_MM).area_mm2.sum() if len(near) else 0
    return np.maximum(areas, areas.T)
