"""Both ends of a tibia: plateaus, posterior condylar line, tuberosity, malleolus, plafond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.landmarks.extremes import extreme
from afunet.landmarks.frame import Frame
from afunet.landmarks.outline import outline_centre
from afunet.landmarks.patches import flat_patch
from afunet.landmarks.results import FloatArray, Line
from afunet.landmarks.vectors import angle_deg
from afunet.reconstruction.surface_points import SurfacePoints

OUT, BACK, UP = np.eye(3)
TOP, BESIDE, TILT = 0.25, 0.1, 0.9
"""Depth of the condyles below the highest point, and what belongs to no condyle beside the
midline, in widths of the plateau; cosine between a joint surface's normals and the axis."""
PLATEAU, SECTION, ROOF = 0.025, 0.025, 0.8
"""How far points of a plateau, and of a section, lie from its plane, in widths; the share of the
plafond's points that lie lower than its height."""
TUBEROSITY, TUBEROSITY_OUT = (0.4, 0.9), 0.3
"""Where the tuberosity lies below the highest point, and how far beside the midline, in widths."""
ANKLE, ABOVE_TIP, ABOVE_PLAFOND = 0.5, 0.06, 0.08
"""How high the distal end reaches, how much higher than the malleolus' tip the plafond is, and how
far above the plafond the section lies whose centre counts, in widths of the plateau."""
ROUNDS, STILL_DEG = 12, 1e-3


@dataclass(frozen=True, eq=False)
class TibialEnds:
    """Points (3,) in mm, joint surfaces, and the frame of the tibia that they give.

    Its origin is the middle of the plateau centres, its proximal axis comes from the plafond
    centre, and its lateral axis lies in the plane of that axis and the posterior condylar line.
    """

    frame: Frame
    plateaus: tuple[Line, Line]
    posterior: tuple[FloatArray, FloatArray]
    edges: tuple[FloatArray, FloatArray]
    """Each lateral, then medial."""
    tuberosity: FloatArray
    malleolus: FloatArray
    plafond: FloatArray


def found_ends(surface: SurfacePoints, frame: Frame, width_mm: float) -> TibialEnds | None:
    """The ends of a whole tibia, from a first frame and the width of its plateau.

    The frame is turned to the ends and they are found in it again, until both agree. None if a
    joint surface is not found.
    """
    found: TibialEnds | None = None
    for _ in range(ROUNDS):
        found = _ends(surface, frame, width_mm)
        if found is None:
            return None
        moved = angle_deg(found.frame.lateral, frame.lateral)
        moved += angle_deg(found.frame.proximal, frame.proximal)
        frame = found.frame
        if moved < STILL_DEG:
            break
    return found


def _ends(surface: SurfacePoints, frame: Frame, width_mm: float) -> TibialEnds | None:
    own = SurfacePoints(
        frame.own(surface.points_mm), surface.normals @ frame.axes.T, surface.area_mm2
    )
    height = own.points_mm[:, 2] / width_mm
    top = own[height > height.max() - TOP]
    middle = (top.points_mm[:, 0].min() + top.points_mm[:, 0].max()) / 2
    side = (top.points_mm[:, 0] - middle) / width_mm
    lateral, medial = top[side > BESIDE], top[side < -BESIDE]
    below = height.max() - height
    in_front = own.points_mm[
        (below > TUBEROSITY[0])
        & (below < TUBEROSITY[1])
        & (np.abs(own.points_mm[:, 0] - middle) < TUBEROSITY_OUT * width_mm)
    ]
    distal = own[height < height.min() + ANKLE]
    malleolus = extreme(distal.points_mm, -UP)
    joint = (_joint(lateral, UP, PLATEAU * width_mm), _joint(medial, UP, PLATEAU * width_mm))
    above = distal[distal.points_mm[:, 2] > malleolus[2] + ABOVE_TIP * width_mm]
    roof = above.points_mm[above.normals @ -UP > TILT][:, 2]
    if joint[0] is None or joint[1] is None or not len(roof):
        return None
    level = float(np.quantile(roof, ROOF))
    offset = height - level / width_mm - ABOVE_PLAFOND
    ankle = outline_centre(own.points_mm[np.abs(offset) < SECTION], UP)
    ankle[2] = level
    knee = (joint[0].point_mm + joint[1].point_mm) / 2
    posterior = extreme(lateral.points_mm, BACK), extreme(medial.points_mm, BACK)
    edges = extreme(lateral.points_mm, OUT), extreme(medial.points_mm, -OUT)
    turned = Frame.of(
        frame.back(knee),
        (knee - ankle) @ frame.axes,
        (posterior[0] - posterior[1]) @ frame.axes,
    )
    return TibialEnds(
        turned,
        (_back(frame, joint[0]), _back(frame, joint[1])),
        (frame.back(posterior[0]), frame.back(posterior[1])),
        (frame.back(edges[0]), frame.back(edges[1])),
        frame.back(extreme(in_front, -BACK)),
        frame.back(malleolus),
        frame.back(ankle),
    )


def _joint(part: SurfacePoints, way: FloatArray, deep_mm: float) -> Line | None:
    facing = part[part.normals @ way > TILT]
    if not len(facing):
        return None
    return flat_patch(facing, Line(np.median(facing.points_mm, axis=0), way), deep_mm)


def _back(frame: Frame, line: Line) -> Line:
    return Line(frame.back(line.point_mm), line.direction @ frame.axes)
