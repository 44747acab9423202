"""A fibula: both ends, told apart by the tibia beside it."""

from __future__ import annotations

import numpy as np

from afunet.landmarks.extremes import extreme
from afunet.landmarks.outline import outline_centre
from afunet.landmarks.results import Definition, FloatArray, Found, Line, Unit
from afunet.landmarks.shaft import long_axis
from afunet.reconstruction.surface_points import SurfacePoints

FIBULA_LENGTH = Definition(
    "fibular length", "from the tip of the lateral malleolus to that of the head", Unit.MILLIMETRES
)
FIBULA_MEASURES = (FIBULA_LENGTH,)
LATERAL_MALLEOLUS, FIBULAR_HEAD = "Lateral Malleolus (LM)", "Fibular Head"
AT_PLAFOND, HALF_SLAB_MM = "Fibular Section at the Plafond", 3.0
BELOW_PLAFOND, BELOW_PLATEAU = (0.03, 0.13), (-0.03, 0.08)
"""How far below the plafond the malleolus of a whole fibula ends, and how far below the plateau
its head, in lengths of the tibia."""
CUT = "the fibula is cut or incomplete: it needs both ends"


def measure_fibula(surface: SurfacePoints, tibia: Found) -> Found:
    """Find both ends of a left fibula, and its section at the plafond, as far as they are there.

    Proximal is the direction of the mechanical axis of the tibia.
    """
    axis = tibia.axes["mechanical axis"]
    plafond = tibia.landmarks["Plafond Centre"]
    length_mm = float((axis.point_mm - plafond) @ axis.direction)
    up_mm = (surface.points_mm - plafond) @ axis.direction
    found: dict[str, FloatArray] = {}
    if BELOW_PLAFOND[0] < -up_mm.min() / length_mm < BELOW_PLAFOND[1]:
        found[LATERAL_MALLEOLUS] = extreme(surface.points_mm, -axis.direction)
        section = surface.points_mm[np.abs(up_mm) < HALF_SLAB_MM]
        found[AT_PLAFOND] = outline_centre(section, axis.direction)
    if BELOW_PLATEAU[0] < 1 - up_mm.max() / length_mm < BELOW_PLATEAU[1]:
        found[FIBULAR_HEAD] = extreme(surface.points_mm, axis.direction)
    line = long_axis(surface)
    sense = 1.0 if line.direction @ axis.direction > 0 else -1.0
    axes = {"long axis": Line(line.point_mm, sense * line.direction)}
    if FIBULAR_HEAD not in found or LATERAL_MALLEOLUS not in found:
        return Found(found, axes, missing={FIBULA_LENGTH: CUT})
    apart = found[FIBULAR_HEAD] - found[LATERAL_MALLEOLUS]
    return Found(found, axes, {FIBULA_LENGTH: float(np.linalg.norm(apart))})
