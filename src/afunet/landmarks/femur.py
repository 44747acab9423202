"""A femur: its landmarks, axes and angles, from its surface alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.condyles import Condyles, found_condyles
from afunet.landmarks.cuts import largest_flat_mm2
from afunet.landmarks.frame import Frame
from afunet.landmarks.neck import Neck, narrowest_neck
from afunet.landmarks.proximal_femur import (
    greater_trochanter,
    head_poles,
    lesser_trochanter,
    section_centre,
)
from afunet.landmarks.results import Definition, Found, Line, Unit
from afunet.landmarks.shaft import long_axis, shaft_axis
from afunet.landmarks.spheres import Sphere, found_spheres
from afunet.landmarks.trochlea import Trochlea, found_trochlea
from afunet.landmarks.vectors import across, angle_deg, turn_deg, unit
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

VERSION_NECK = Definition(
    "femoral version, neck axis",
    "from the posterior condylar line to the axis from the head's centre through the centre of the "
    "neck's narrowest section, seen along the mechanical axis; positive: the neck points forward",
)
VERSION_BASE = Definition(
    "femoral version, base of the neck",
    "from the posterior condylar line to the line from the head's centre to the centre of the "
    "section just above the lesser trochanter, seen along the mechanical axis (after Murphy 1987)",
)
NECK_SHAFT = Definition(
    "neck–shaft angle", "between the neck axis and the shaft axis, in space, not in a projection"
)
MLDFA = Definition(
    "mechanical lateral distal femoral angle",
    "lateral angle between the mechanical axis (head's centre to notch) and the distal condylar "
    "line, in the plane of the mechanical axis and the posterior condylar line (Paley 1992)",
)
ALDFA = Definition(
    "anatomical lateral distal femoral angle",
    "as the mechanical one, with the shaft axis instead of the mechanical axis (Paley 1992)",
)
EPICONDYLAR = Definition(
    "posterior condylar angle",
    "from the posterior condylar line to the line through the epicondyles, seen along the "
    "mechanical axis; positive: the epicondylar line is turned outward (Berger 1993)",
)
SULCUS = Definition(
    "sulcus angle",
    "of the groove of the trochlea between its facets' summits, in a section across the mechanical "
    "axis that lies a third of the posterior condylar points' distance above the distal condylar "
    "line; on bone, without cartilage",
)
HEAD_DIAMETER = Definition(
    "femoral head diameter", "of the sphere fitted to the head", Unit.MILLIMETRES
)
FEMUR_LENGTH = Definition("femoral length", "from the head's centre to the notch", Unit.MILLIMETRES)
OF_HEAD = (HEAD_DIAMETER,)
OF_WHOLE = (
    VERSION_NECK,
    VERSION_BASE,
    NECK_SHAFT,
    MLDFA,
    ALDFA,
    EPICONDYLAR,
    SULCUS,
    FEMUR_LENGTH,
)
FEMUR_MEASURES = (*OF_HEAD, *OF_WHOLE)

HEAD_RADII_MM = (10.0, 35.0)
HEAD_COVERED = 0.5
"""A head covers more of its sphere than this: 0.73 and more in the shape model, condyles 0.37."""
BESIDE = 0.7
"""A head lies beside the axis of the shaft by so many radii at least; the end of a rod does not."""
LENGTH_IN_RADII = (15.0, 23.0)
LARGEST_FLAT_MM2, END = 800.0, 0.2
SHAFT, UPPER_SHAFT = (0.35, 0.65), (0.5, 0.75)
CLEFT = 0.4
"""A notch parts the posterior condyles so deep at least, in head radii; a trochlea is shallower."""
ABOVE_LESSER = 0.5
FEW_POINTS = 20_000
NO_HEAD = "no whole femoral head is in the bone: a sphere was expected"
CUT = "the femur is cut or incomplete: it needs both ends"
OTHER_SIDE = "no notch parts the condyles at the back: the side may be wrong, or the knee fused"
NO_GROOVE = "no groove between two facets is in the section of the trochlea"
NO_NECK = "no closed section of the femoral neck was found"


def measure_femur(surface: SurfacePoints) -> Found:
    """Find everything on a left femur, given in any position; mirror a right one before.

    Nothing is guessed: without a whole head nothing is shown, and without both ends only the head.
    """
    few = surface.fewer(FEW_POINTS)
    head = next(iter(found_spheres(few, HEAD_RADII_MM)), None)
    if head is None or head.covered < HEAD_COVERED:
        return Found.nothing(FEMUR_MEASURES, NO_HEAD)
    axis = _shaft(surface, head)
    beside = across(head.centre_mm - axis.point_mm, axis.direction)
    if np.linalg.norm(beside) < BESIDE * head.radius_mm:
        return Found.nothing(FEMUR_MEASURES, NO_HEAD)
    centre = {"Femoral Head Centre": head.centre_mm}
    diameter = {HEAD_DIAMETER: 2 * head.radius_mm}
    along = (surface.points_mm - axis.point_mm) @ axis.direction
    length_mm = float(np.ptp(along))
    low, high = LENGTH_IN_RADII
    distal = surface[along < along.min() + END * length_mm]
    if not low < length_mm / head.radius_mm < high or largest_flat_mm2(distal) > LARGEST_FLAT_MM2:
        return Found(centre, {}, diameter, dict.fromkeys(OF_WHOLE, CUT))
    first = Frame.of(head.centre_mm, axis.direction, -beside)
    condyles = found_condyles(surface.points_mm, first, length_mm)
    if condyles.cleft_mm < CLEFT * head.radius_mm:
        return Found(centre, {}, diameter, dict.fromkeys(OF_WHOLE, OTHER_SIDE))
    own = condyles.frame.own(surface.points_mm)
    neck = narrowest_neck(own, head.radius_mm)
    if neck is None:
        return Found(centre, {}, diameter, dict.fromkeys(OF_WHOLE, NO_NECK))
    upper = shaft_axis(surface, axis, UPPER_SHAFT)
    lesser = lesser_trochanter(surface.points_mm, condyles.frame, upper, head.radius_mm)
    above = condyles.frame.own(lesser)[2] + ABOVE_LESSER * head.radius_mm
    base = condyles.frame.back(section_centre(own, above))
    landmarks = {
        **centre,
        **head_poles(head, few.points_mm, condyles.frame),
        **_of_neck(neck, condyles.frame),
        "Neck Base Centre": base,
        "Superior Greater Trochanter (SGT)": condyles.frame.back(
            greater_trochanter(own, neck, head.radius_mm)
        ),
        "Lesser Trochanter (LT)": lesser,
        **_of_condyles(condyles),
    }
    axes = _axes(condyles, neck, axis)
    values = diameter | _angles(condyles, axes, base, head)
    trochlea = found_trochlea(surface.points_mm, condyles)
    if trochlea is None:
        return Found(landmarks, axes, values, {SULCUS: NO_GROOVE})
    return Found(landmarks | _of_trochlea(trochlea), axes, values | {SULCUS: trochlea.sulcus_deg})


def _shaft(surface: SurfacePoints, head: Sphere) -> Line:
    """The axis of the shaft, towards the head."""
    line = long_axis(surface)
    up = 1.0 if (head.centre_mm - line.point_mm) @ line.direction > 0 else -1.0
    return shaft_axis(surface, Line(line.point_mm, up * line.direction), SHAFT)


def _of_neck(neck: Neck, frame: Frame) -> dict[str, FloatArray]:
    return {
        "Neck Isthmus Centre": frame.back(neck.centre),
        "Superior Neck Isthmus (SNI)": frame.back(neck.superior),
        "Anterior Neck Isthmus (ANI)": frame.back(neck.anterior),
        "Inferior Neck Isthmus (INI)": frame.back(neck.inferior),
        "Posterior Neck Isthmus (PNI)": frame.back(neck.posterior),
    }


def _of_condyles(condyles: Condyles) -> dict[str, FloatArray]:
    return {
        "Posterior Lateral Condyle (PLC)": condyles.posterior[0],
        "Posterior Medial Condyle (PMC)": condyles.posterior[1],
        "Proximoposterior Lateral Condyle (PPLC)": condyles.proximoposterior[0],
        "Proximoposterior Medial Condyle (PPMC)": condyles.proximoposterior[1],
        "Lateral Epicondyle (LEC)": condyles.epicondyles[0],
        "Medial Epicondyle (MEC)": condyles.epicondyles[1],
        "Intercondylar Notch (ICN)": condyles.notch,
        "Distal Lateral Condyle (DLC)": condyles.distal[0],
        "Distal Medial Condyle (DMC)": condyles.distal[1],
    }


def _of_trochlea(trochlea: Trochlea) -> dict[str, FloatArray]:
    return {
        "Trochlear Groove": trochlea.groove,
        "Lateral Trochlear Facet": trochlea.lateral,
        "Medial Trochlear Facet": trochlea.medial,
    }


def _axes(condyles: Condyles, neck: Neck, shaft: Line) -> dict[str, Line]:
    frame = condyles.frame

    def through(pair: tuple[FloatArray, FloatArray]) -> Line:
        return Line((pair[0] + pair[1]) / 2, unit(pair[0] - pair[1]))

    return {
        "neck axis": Line(frame.origin_mm, neck.axis @ frame.axes),
        "shaft axis": shaft,
        "mechanical axis": Line(frame.origin_mm, frame.proximal),
        "posterior condylar line": through(condyles.posterior),
        "distal condylar line": through(condyles.distal),
        "epicondylar line": through(condyles.epicondyles),
        "lateral": Line(frame.origin_mm, frame.lateral),
        "posterior": Line(frame.origin_mm, frame.posterior),
    }


def _angles(
    condyles: Condyles, axes: dict[str, Line], base: FloatArray, head: Sphere
) -> dict[Definition, float]:
    frame = condyles.frame
    shaft, neck = axes["shaft axis"].direction, axes["neck axis"].direction
    distal = axes["distal condylar line"].direction
    front = across(distal, frame.posterior)

    def turned(direction: FloatArray) -> float:
        return turn_deg(frame.lateral, direction, frame.proximal)

    return {
        VERSION_NECK: turned(neck),
        VERSION_BASE: turned(base - head.centre_mm),
        NECK_SHAFT: angle_deg(neck, shaft),
        MLDFA: angle_deg(front, frame.proximal),
        ALDFA: angle_deg(front, across(shaft, frame.posterior)),
        EPICONDYLAR: turned(axes["epicondylar line"].direction),
        FEMUR_LENGTH: float(np.linalg.norm(head.centre_mm - condyles.notch)),
    }
