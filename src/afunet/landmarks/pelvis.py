"""A pelvis: its landmarks, axes and measures, from its surface alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.extremes import extreme
from afunet.landmarks.patches import flat_patch
from afunet.landmarks.pelvic_frame import PelvicFrame, found_pelvic_frame
from afunet.landmarks.results import Definition, Found, Line, Unit
from afunet.landmarks.vectors import angle_deg, unit
from afunet.reconstruction.surface_points import SurfacePoints

FloatArray = NDArray[np.float64]

INCIDENCE = Definition(
    "pelvic incidence",
    "between the normal of the sacral plate at its centre and the line from there to the middle "
    "between both sockets' centres (Legaye 1998)",
)
SOCKETS = Definition(
    "distance of the sockets", "between the centres of both sockets' spheres", Unit.MILLIMETRES
)
SPINES = Definition(
    "distance of the anterior superior iliac spines",
    "between the points where the anterior pelvic plane touches both sides",
    Unit.MILLIMETRES,
)
PELVIS_MEASURES = (INCIDENCE, SOCKETS, SPINES)
NO_PELVIS = "no whole pelvis is in the bone: two sockets of like size were expected"
NO_PLATE = "no flat upper end of the sacrum was found"


@dataclass(frozen=True)
class Region:
    """Where a landmark of the left side lies, and the direction in which it is outermost.

    `out` is measured from the midline and `up` from the sockets' centres, in distances of the
    sockets; the direction is (left, back, up).
    """

    out: tuple[float, float]
    up: tuple[float, float]
    way: tuple[float, float, float]


REGIONS = {
    "PSIS": Region((0.13, 0.45), (0.4, 0.9), (0.2, 1, 0)),
    "Pubic Tubercle (PT)": Region((0.05, 0.3), (-0.6, 0.0), (0.3, -1, 0.1)),
    "Ischial Spine (IS)": Region((0.2, 0.45), (-0.2, 0.15), (-1, 0.6, 0)),
}
"""With the anterior pelvic plane upright, the posterior spines lie higher than the anterior."""
ALIKE = 0.15
"""The left one of a pair is no further than this from the mirrored right one, in distances of the
sockets; otherwise one of them is wrong, and neither is shown."""
PROMONTORY = Region((-0.08, 0.08), (0.2, 0.9), (0, -1, 0))
PLATE_NORMAL, PLATE_OUT, PLATE_MM, PLATE_DEEP_MM = (0.0, -0.64, 0.77), 0.14, 42.0, 3.0
FEWEST = 50


def measure_pelvis(surface: SurfacePoints) -> Found:
    """Find everything on a pelvis (both hip bones and the sacrum), given in any position.

    Nothing is guessed: a half pelvis shows nothing, and landmarks whose sides differ are left out.
    """
    pelvis = found_pelvic_frame(surface)
    if pelvis is None or not _alike(pelvis, *(one.centre_mm for one in pelvis.sockets)):
        return Found.nothing(PELVIS_MEASURES, NO_PELVIS)
    own = pelvis.frame.own(surface.points_mm)
    left, right = (one.centre_mm for one in pelvis.sockets)
    landmarks = {"Left Acetabular Centre": left, "Right Acetabular Centre": right}
    landmarks["Left ASIS"], landmarks["Right ASIS"] = pelvis.spines
    for name, region in REGIONS.items():
        pair = _outermost(own, pelvis, region), _outermost(own, pelvis, region, -1)
        if pair[0] is not None and pair[1] is not None and _alike(pelvis, pair[0], pair[1]):
            landmarks[f"Left {name}"], landmarks[f"Right {name}"] = pair[0], pair[1]
    promontory = _outermost(own, pelvis, PROMONTORY)
    plate = None if promontory is None else _plate(surface, pelvis, promontory)
    values = {
        SOCKETS: pelvis.apart_mm,
        SPINES: float(np.linalg.norm(pelvis.spines[0] - pelvis.spines[1])),
    }
    axes = {
        "left": Line(pelvis.frame.origin_mm, pelvis.frame.lateral),
        "posterior": Line(pelvis.frame.origin_mm, pelvis.frame.posterior),
        "superior": Line(pelvis.frame.origin_mm, pelvis.frame.proximal),
    }
    if promontory is None or plate is None:
        return Found(landmarks, axes, values, {INCIDENCE: NO_PLATE})
    landmarks |= {"Sacral Promontory (SP)": promontory, "Sacral Center (SC)": plate.point_mm}
    axes["sacral plate normal"] = plate
    values[INCIDENCE] = angle_deg(plate.direction, plate.point_mm - (left + right) / 2)
    return Found(landmarks, axes, values)


def _alike(pelvis: PelvicFrame, left: FloatArray, right: FloatArray) -> bool:
    """Whether one point is about the mirror image of the other, across the frame's midline."""
    mirrored = pelvis.frame.own(right) * (-1, 1, 1)
    apart = np.linalg.norm(pelvis.frame.own(left) - mirrored)
    return bool(apart < ALIKE * pelvis.apart_mm)


def _outermost(
    own: FloatArray, pelvis: PelvicFrame, region: Region, sign: int = 1
) -> FloatArray | None:
    sockets = pelvis.frame.own(np.stack([one.centre_mm for one in pelvis.sockets]))
    place = (own - sockets.mean(axis=0)) / pelvis.apart_mm * (sign, 1, 1)
    inside = (
        (place[:, 0] > region.out[0])
        & (place[:, 0] < region.out[1])
        & (place[:, 2] > region.up[0])
        & (place[:, 2] < region.up[1])
    )
    if np.count_nonzero(inside) < FEWEST:
        return None
    way = unit(np.array(region.way, dtype=np.float64) * (sign, 1, 1))
    return pelvis.frame.back(extreme(own[inside], way))


def _plate(surface: SurfacePoints, pelvis: PelvicFrame, promontory: FloatArray) -> Line | None:
    """The centre and the upward normal of the sacrum's upper end plate, behind the promontory."""
    own = pelvis.frame.own(surface.points_mm)
    near = (np.linalg.norm(surface.points_mm - promontory, axis=1) < PLATE_MM) & (
        np.abs(own[:, 0] - pelvis.frame.own(promontory)[0]) < PLATE_OUT * pelvis.apart_mm
    )
    normal = np.array(PLATE_NORMAL) @ pelvis.frame.axes
    return flat_patch(surface[near], Line(promontory, normal), PLATE_DEEP_MM)
