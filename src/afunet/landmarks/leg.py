"""A leg: angles, distances and lengths between its bones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.landmarks.fibula import AT_PLAFOND, LATERAL_MALLEOLUS
from afunet.landmarks.patella import LOWER_POLE, PATELLA_LENGTH
from afunet.landmarks.results import Definition, FloatArray, Found, Unit
from afunet.landmarks.tibia import MALLEOLUS, PLAFOND, TUBEROSITY
from afunet.landmarks.vectors import turn_deg

HIP, NOTCH = "Femoral Head Centre", "Intercondylar Notch (ICN)"
GROOVE = "Trochlear Groove"
STRAIGHT_DEG = 15.0
FLEXION = Definition(
    "knee flexion",
    "between the mechanical axes of femur and tibia, seen from the side of the femur, as the leg "
    "lay in the scanner",
)
HKA = Definition(
    "hip–knee–ankle angle",
    "medial angle between the mechanical axes of femur and tibia in the frontal plane of the "
    "femur; 180 is straight, less is varus; lying, without load (Paley 1992)",
)
JLCA = Definition(
    "joint line convergence angle",
    "from the distal condylar line of the femur to the line through the plateau centres, in the "
    "frontal plane of the femur; positive: open laterally; lying, without load (Paley 1992)",
)
DEVIATION = Definition(
    "mechanical axis deviation",
    "from the line head's centre–plafond centre to the middle of the plateau centres, in the "
    "frontal plane of the femur; positive: the line is medial (varus); lying (Paley 1992)",
    Unit.MILLIMETRES,
)
LEG_LENGTH = Definition(
    "leg length", "straight from the head's centre to the plafond centre, lying", Unit.MILLIMETRES
)
TT_TG = Definition(
    "TT–TG distance",
    "how far the tibial tuberosity lies lateral of the trochlear groove, along the lateral axis "
    "of the femur (after Dejour 1994)",
    Unit.MILLIMETRES,
)
TORSION_MALLEOLI = Definition(
    "tibial torsion, malleoli",
    "from the posterior condylar line of the tibia to the line through the tips of both malleoli, "
    "seen along the tibia's mechanical axis; positive: outward",
)
TORSION_PLAFOND = Definition(
    "tibial torsion, plafond",
    "from the posterior condylar line of the tibia to the line from the plafond centre to the "
    "centre of the fibula's section beside it, seen along the tibia's mechanical axis; positive: "
    "outward (compare Jend 1981)",
)
INSALL_SALVATI = Definition(
    "Insall–Salvati ratio",
    "distance from the lower pole of the patella to the tibial tuberosity, divided by the patellar "
    "length (after Insall 1971; here on bone, the tendon is not seen)",
    Unit.RATIO,
)


@dataclass(frozen=True, eq=False)
class Leg:
    """What was found on the bones of a left leg, in one frame."""

    bones: Mapping[Bone, Found]

    def at(self, bone: Bone, landmark: str) -> FloatArray:
        """Return a landmark (3,) in mm."""
        return self.bones[bone].landmarks[landmark]

    def way(self, bone: Bone, axis: str) -> FloatArray:
        """Return the direction (3,) of an axis of a bone."""
        return self.bones[bone].axes[axis].direction

    def in_femur(self, vector: FloatArray) -> FloatArray:
        """Return a direction (3,) as (lateral, posterior, proximal) of the femur."""
        names = ("lateral", "posterior", "mechanical axis")
        return np.stack([self.way(Bone.FEMUR, name) for name in names]) @ vector

    @property
    def knee(self) -> FloatArray:
        """The middle of the plateau centres (3,)."""
        return self.bones[Bone.TIBIA].axes["mechanical axis"].point_mm


def _flexion(leg: Leg) -> float:
    _, back, up = leg.in_femur(-leg.way(Bone.TIBIA, "mechanical axis"))
    return float(np.degrees(np.arctan2(back, -up)))


def _hip_knee_ankle(leg: Leg) -> float:
    out, _, up = leg.in_femur(-leg.way(Bone.TIBIA, "mechanical axis"))
    return 180 + float(np.degrees(np.arctan2(out, -up)))


def _convergence(leg: Leg) -> float:
    femur = leg.in_femur(leg.way(Bone.FEMUR, "distal condylar line"))
    tibia = leg.in_femur(leg.way(Bone.TIBIA, "plateau line"))
    tilts = [np.arctan2(line[2], line[0]) for line in (femur, tibia)]
    return float(np.degrees(tilts[0] - tilts[1]))


def _deviation(leg: Leg) -> float:
    hip = leg.at(Bone.FEMUR, HIP)
    knee, ankle = leg.in_femur(leg.knee - hip), leg.in_femur(leg.at(Bone.TIBIA, PLAFOND) - hip)
    line = np.array([ankle[0], ankle[2]]) / np.hypot(ankle[0], ankle[2])
    return float(line[0] * knee[2] - line[1] * knee[0])


def _length(leg: Leg) -> float:
    return float(np.linalg.norm(leg.at(Bone.FEMUR, HIP) - leg.at(Bone.TIBIA, PLAFOND)))


def _tuberosity_groove(leg: Leg) -> float:
    away = leg.at(Bone.TIBIA, TUBEROSITY) - leg.at(Bone.FEMUR, GROOVE)
    return float(leg.in_femur(away)[0])


def _torsion(leg: Leg, line: FloatArray) -> float:
    start = leg.way(Bone.TIBIA, "posterior condylar line")
    return turn_deg(start, line, leg.way(Bone.TIBIA, "mechanical axis"))


def _torsion_malleoli(leg: Leg) -> float:
    line = leg.at(Bone.FIBULA, LATERAL_MALLEOLUS) - leg.at(Bone.TIBIA, MALLEOLUS)
    return _torsion(leg, line)


def _torsion_plafond(leg: Leg) -> float:
    return _torsion(leg, leg.at(Bone.FIBULA, AT_PLAFOND) - leg.at(Bone.TIBIA, PLAFOND))


def _insall_salvati(leg: Leg) -> float:
    tendon = leg.at(Bone.PATELLA, LOWER_POLE) - leg.at(Bone.TIBIA, TUBEROSITY)
    return float(np.linalg.norm(tendon)) / leg.bones[Bone.PATELLA].measures[PATELLA_LENGTH]


@dataclass(frozen=True)
class _Asked:
    value: Callable[[Leg], float]
    needs: tuple[tuple[Bone, str], ...]
    straight: bool = False
    """Whether it has a meaning only in a leg that is nearly straight."""


F, T = (Bone.FEMUR, NOTCH), (Bone.TIBIA, PLAFOND)
_MEASURES: Mapping[Definition, _Asked] = {
    FLEXION: _Asked(_flexion, (F, T)),
    HKA: _Asked(_hip_knee_ankle, (F, T), straight=True),
    JLCA: _Asked(_convergence, (F, T), straight=True),
    DEVIATION: _Asked(_deviation, (F, T), straight=True),
    LEG_LENGTH: _Asked(_length, (F, T), straight=True),
    TT_TG: _Asked(_tuberosity_groove, ((Bone.FEMUR, GROOVE), T), straight=True),
    TORSION_MALLEOLI: _Asked(_torsion_malleoli, (T, (Bone.FIBULA, LATERAL_MALLEOLUS))),
    TORSION_PLAFOND: _Asked(_torsion_plafond, (T, (Bone.FIBULA, AT_PLAFOND))),
    INSALL_SALVATI: _Asked(_insall_salvati, (T, (Bone.PATELLA, LOWER_POLE))),
}
LEG_MEASURES = tuple(_MEASURES)


def measure_leg(bones: Mapping[Bone, Found]) -> Found:
    """Measure between the bones of a left leg, all in one frame; mirror a right leg before.

    A measure whose bones do not show what it needs is missing with the reason.
    """
    leg = Leg(bones)
    values: dict[Definition, float] = {}
    missing: dict[Definition, str] = {}
    for definition, asked in _MEASURES.items():
        reason = _lacking(bones, asked) or _bent(values, asked)
        if reason:
            missing[definition] = reason
        else:
            values[definition] = asked.value(leg)
    return Found(measures=values, missing=missing)


def _lacking(bones: Mapping[Bone, Found], asked: _Asked) -> str:
    lacking = []
    for bone, landmark in asked.needs:
        if bone not in bones:
            lacking.append(f"the {bone} is not there")
        elif landmark not in bones[bone].landmarks:
            reasons = dict.fromkeys(bones[bone].missing.values())
            lacking.append("; ".join(reasons) or f"the {bone} does not show its {landmark}")
    return "; ".join(lacking)


def _bent(values: Mapping[Definition, float], asked: _Asked) -> str:
    if asked.straight and abs(values[FLEXION]) > STRAIGHT_DEG:
        return f"the knee is bent by {values[FLEXION]:.0f}°, expected at most {STRAIGHT_DEG:.0f}°"
    return ""
