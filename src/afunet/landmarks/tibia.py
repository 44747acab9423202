"""A tibia: its landmarks, axes and angles, from its surface alone."""

from __future__ import annotations

import numpy as np

from afunet.landmarks.cuts import largest_flat_mm2
from afunet.landmarks.frame import Frame
from afunet.landmarks.results import Definition, FloatArray, Found, Line, Unit
from afunet.landmarks.shaft import long_axis, shaft_axis
from afunet.landmarks.tibial_ends import TibialEnds, found_ends
from afunet.landmarks.vectors import across, angle_deg, unit
from afunet.reconstruction.surface_points import SurfacePoints

MPTA = Definition(
    "medial proximal tibial angle",
    "medial angle between the tibia's mechanical axis (middle of the plateau centres to plafond "
    "centre) and the line through both plateau centres, in the plane of that axis and the "
    "posterior condylar line of the tibia (compare Paley 1992)",
)
SLOPE = Definition(
    "posterior slope of the medial plateau",
    "of the plane fitted to the medial plateau against the plane across the tibia's mechanical "
    "axis, seen from the side; positive: lower at the back",
)
TIBIA_LENGTH = Definition(
    "tibial length",
    "from the middle of the plateau centres to the plafond centre",
    Unit.MILLIMETRES,
)
TIBIA_MEASURES = (MPTA, SLOPE, TIBIA_LENGTH)

SHAFT, END = (0.35, 0.65), 0.06
LENGTH_IN_WIDTHS = (3.8, 6.2)
"""Length of a whole tibia in widths of its plateau."""
LARGEST_FLAT = 0.25
"""A flat part of an end with so large a share of the squared width is a cut."""
TUBEROSITY, MALLEOLUS, PLAFOND = "Tibial Tuberosity", "Medial Malleolus (MM)", "Plafond Centre"
CUT = "the tibia is cut or incomplete: it needs both ends"
OTHER_SIDE = "the malleolus is not on the medial side: the side may be wrong"


def measure_tibia(surface: SurfacePoints) -> Found:
    """Find everything on a left tibia, given in any position; mirror a right one before.

    Nothing is guessed: without both ends nothing is shown.
    """
    axis = _towards_knee(surface)
    along = (surface.points_mm - axis.point_mm) @ axis.direction
    length_mm = float(np.ptp(along))
    top = surface[along > along.max() - END * length_mm]
    frame = _first_frame(top, axis)
    width_mm = float(np.ptp(frame.own(top.points_mm)[:, 0]))
    low, high = LENGTH_IN_WIDTHS
    ends = surface[np.abs(along - along.mean()) > 0.3 * length_mm]
    cut = largest_flat_mm2(ends) > LARGEST_FLAT * width_mm**2
    found = None if cut else found_ends(surface, frame, width_mm)
    if found is None or not low < length_mm / width_mm < high:
        return Found.nothing(TIBIA_MEASURES, CUT)
    if found.frame.own(found.malleolus - found.plafond + found.frame.origin_mm)[0] > 0:
        return Found.nothing(TIBIA_MEASURES, OTHER_SIDE)
    return Found(_landmarks(found), _axes(found, axis), _angles(found))


def _towards_knee(surface: SurfacePoints) -> Line:
    """The axis of the shaft, towards the wider end."""
    line = long_axis(surface)
    out = surface.points_mm - line.point_mm
    along = out @ line.direction
    wide = np.linalg.norm(out - along[:, None] * line.direction, axis=1)
    low, high = along.min() + END * np.ptp(along), along.max() - END * np.ptp(along)
    up = 1.0 if wide[along > high].mean() > wide[along < low].mean() else -1.0
    return shaft_axis(surface, Line(line.point_mm, up * line.direction), SHAFT)


def _first_frame(top: SurfacePoints, axis: Line) -> Frame:
    """Roughly: the plateau is wider than deep, and most of it lies behind the axis of the shaft."""
    middle = top.points_mm.mean(axis=0)
    out = top.points_mm - middle
    flat = out - (out @ axis.direction)[:, None] * axis.direction
    wide = np.linalg.eigh(flat.T @ flat)[1][:, -1]
    back = unit(np.cross(axis.direction, wide))
    if back @ (middle - axis.point_mm) < 0:
        back = -back
    return Frame.of(middle, axis.direction, np.cross(back, axis.direction))


def _landmarks(ends: TibialEnds) -> dict[str, FloatArray]:
    return {
        "Lateral Plateau Centre": ends.plateaus[0].point_mm,
        "Medial Plateau Centre": ends.plateaus[1].point_mm,
        "Posterior Lateral Tibial Condyle": ends.posterior[0],
        "Posterior Medial Tibial Condyle": ends.posterior[1],
        "Lateral Tibial Condyle (LC)": ends.edges[0],
        "Medial Tibial Condyle (MC)": ends.edges[1],
        TUBEROSITY: ends.tuberosity,
        MALLEOLUS: ends.malleolus,
        PLAFOND: ends.plafond,
    }


def _axes(ends: TibialEnds, shaft: Line) -> dict[str, Line]:
    frame = ends.frame
    lateral, medial = (one.point_mm for one in ends.plateaus)
    return {
        "shaft axis": shaft,
        "mechanical axis": Line(frame.origin_mm, frame.proximal),
        "plateau line": Line(frame.origin_mm, unit(lateral - medial)),
        "posterior condylar line": Line(
            (ends.posterior[0] + ends.posterior[1]) / 2, unit(ends.posterior[0] - ends.posterior[1])
        ),
        "lateral": Line(frame.origin_mm, frame.lateral),
        "posterior": Line(frame.origin_mm, frame.posterior),
    }


def _angles(ends: TibialEnds) -> dict[Definition, float]:
    frame = ends.frame
    lateral, medial = ends.plateaus
    plateau = across(lateral.point_mm - medial.point_mm, frame.posterior)
    slope = medial.direction @ frame.axes.T
    return {
        MPTA: angle_deg(plateau, frame.proximal),
        SLOPE: float(np.degrees(np.arctan2(slope[1], slope[2]))),
        TIBIA_LENGTH: float(np.linalg.norm(ends.frame.origin_mm - ends.plafond)),
    }
