"""The trochlea of a femur: its groove between the facets, in one cross-section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from afunet.landmarks.condyles import Condyles
from afunet.landmarks.results import FloatArray
from afunet.landmarks.vectors import angle_deg

LEVEL, HALF_SLAB_MM = 1 / 3, 3.0
"""Height of the section above the distal condylar line, in distances of the posterior condylar
points, and half its thickness."""
COLUMN_MM, SMOOTHED, FEWEST, REACH, MIDDLE, ROUND = 1.5, 5, 8, 0.6, 0.06, 0.2
"""Columns of the outline, how many are averaged, and the fewest points in one; how far beside the
midline the trochlea reaches, how far from it the facets begin, and half the width of the groove's
bottom, in distances of the posterior condylar points."""


@dataclass(frozen=True, eq=False)
class Trochlea:
    """Points (3,) in mm: the deepest of the groove, the summits of the facets beside it."""

    groove: FloatArray
    lateral: FloatArray
    medial: FloatArray

    @property
    def sulcus_deg(self) -> float:
        """The angle of the groove, open to the front."""
        return angle_deg(self.lateral - self.groove, self.medial - self.groove)


def found_trochlea(points_mm: FloatArray, condyles: Condyles) -> Trochlea | None:
    """The trochlea in a section across the proximal axis; None without a groove in its outline."""
    frame = condyles.frame
    posterior = frame.own(np.stack(condyles.posterior))
    joint = frame.own(np.stack(condyles.distal))[:, 2].mean()
    apart, middle = posterior[0, 0] - posterior[1, 0], posterior[:, 0].mean()
    level = joint + LEVEL * apart
    own = frame.own(points_mm)
    section = own[np.abs(own[:, 2] - level) < HALF_SLAB_MM]
    side, front = _outline(section, middle, REACH * apart)
    lateral, medial = side > MIDDLE * apart, side < -MIDDLE * apart
    if not lateral.any() or not medial.any():
        return None
    first = int(np.argmax(np.where(medial, front, -np.inf)))
    last = int(np.argmax(np.where(lateral, front, -np.inf)))
    groove = _bottom(side[first : last + 1], front[first : last + 1], ROUND * apart)
    if groove is None:
        return None
    summits = ((side[one], front[one]) for one in (last, first))
    points = [
        frame.back(np.array([across + middle, -depth, level]))
        for across, depth in (groove, *summits)
    ]
    return Trochlea(*points)


def _bottom(side: FloatArray, front: FloatArray, half_mm: float) -> tuple[float, float] | None:
    """The lowest point of a parabola through the outline about its deepest column, if it is one."""
    near = np.abs(side - side[np.argmin(front)]) < half_mm
    if np.count_nonzero(near) < 5:
        return None
    bend, slope, level = np.polyfit(side[near], front[near], 2)
    lowest = -slope / (2 * bend) if bend > 0 else np.nan
    if not side[0] < lowest < side[-1]:
        return None
    return float(lowest), float(level - slope**2 / (4 * bend))


def _outline(
    section: FloatArray, middle_mm: float, reach_mm: float
) -> tuple[FloatArray, FloatArray]:
    """Distance from the midline of each column of the front outline, and how far in front it is."""
    column = np.round((section[:, 0] - middle_mm) / COLUMN_MM).astype(int)
    most = int(reach_mm / COLUMN_MM)
    columns = [one for one in range(-most, most + 1) if np.count_nonzero(column == one) >= FEWEST]
    front = np.array([-section[column == one, 1].min() for one in columns])
    smooth = uniform_filter1d(front, SMOOTHED, mode="nearest") if len(front) else front
    return np.array(columns) * COLUMN_MM, smooth
