"""Put the fragments of one bone together, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.geometry.rigid import Rigid
from afunet.reconstruction.certainty import Certainty
from afunet.reconstruction.fitting import Fit, fit
from afunet.reconstruction.meeting import Bed
from afunet.reconstruction.surface_points import SurfacePoints

FRAGMENT_MM2, BED_MM2 = 0.5, 1.0
"""Area of a surface for each of its points."""
NEIGHBOUR_MM, LEAST_FACING_MM2 = 8.0, 15.0
"""A fragment meets another if so much of its surface faces it within this distance."""
KNOWN_SHIFT_MM, KNOWN_TURN_DEG = 1.0, 4.0
"""A place is known if its standard errors are not larger than these."""
LEAST_MATCHED_MM2, LEAST_SHARE = 150.0, 0.35
"""Wrong places had at most 0.13 on real hip bones put apart, right ones 0.5 and more."""


@dataclass(frozen=True, eq=False)
class Placed:
    """The fit of a fragment to the fragments `beside` it, given by their indices."""

    fit: Fit
    beside: tuple[int, ...]
    certainty: Certainty

    @property
    def lies_well(self) -> bool:
        """Whether most of what faces the bed lies on it; otherwise it fits nowhere."""
        return self.fit.matched_mm2 >= LEAST_MATCHED_MM2 and self.fit.share >= LEAST_SHARE

    @property
    def shift_known(self) -> bool:
        """Whether the place of the centre is known."""
        return self.lies_well and self.certainty.shift_mm <= KNOWN_SHIFT_MM

    @property
    def turn_known(self) -> bool:
        """Whether the rotation is known."""
        return self.lies_well and self.certainty.turn_deg <= KNOWN_TURN_DEG


def assembled(fragments: Sequence[SurfacePoints]) -> dict[int, Placed]:
    """Fit all fragments to the first one, or to those that were fitted before.

    The fragment that faces the placed ones over the largest area comes next; those that face none
    are left out. Others are fitted to a fragment only if its own place is known.
    """
    facing = _facing_mm2(fragments)
    moves = {0: Rigid.still()}
    found: dict[int, Placed] = {}
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
        if result is None:
            continue
        sure = result.certainty
        for other in beside:
            if other and facing[one, other] >= max(facing[one, list(beside)]):
                arm_mm = np.linalg.norm(
                    fragments[one].points_mm.mean(axis=0) - fragments[other].points_mm.mean(axis=0)
                )
                sure = sure.upon(found[other].certainty, float(arm_mm))
        placed = found[one] = Placed(result, beside, sure)
        if placed.shift_known and placed.turn_known:
            moves[one] = result.move


def _facing_mm2(fragments: Sequence[SurfacePoints]) -> np.ndarray:
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
