"""A patella: its poles, in the direction of its tendon."""

from __future__ import annotations

from afunet.landmarks.extremes import widest_pair
from afunet.landmarks.results import Definition, FloatArray, Found, Line, Unit
from afunet.landmarks.vectors import angle_deg, unit
from afunet.reconstruction.surface_points import SurfacePoints

PATELLA_LENGTH = Definition(
    "patellar length", "between its poles, which are locally furthest apart", Unit.MILLIMETRES
)
PATELLA_MEASURES = (PATELLA_LENGTH,)
LOWER_POLE, UPPER_POLE = "Lower Patellar Pole", "Upper Patellar Pole"
MOST_TURNED_DEG = 40.0
NO_POLES = "the longest extent of the patella is not along its tendon"


def measure_patella(surface: SurfacePoints, tuberosity: FloatArray) -> Found:
    """Find both poles of a patella, the lower one towards the tuberosity of the tibia (3,)."""
    middle = surface.points_mm.mean(axis=0)
    up = unit(middle - tuberosity)
    high = (surface.points_mm - middle) @ up > 0
    upper, lower = widest_pair(surface.points_mm[high], surface.points_mm[~high], up)
    if angle_deg(upper - lower, up) > MOST_TURNED_DEG:
        return Found.nothing(PATELLA_MEASURES, NO_POLES)
    apart = upper - lower
    return Found(
        {UPPER_POLE: upper, LOWER_POLE: lower},
        {"long axis": Line((upper + lower) / 2, unit(apart))},
        {PATELLA_LENGTH: float((apart @ apart) ** 0.5)},
    )
