"""Frames of bones as the International Society of Biomechanics defines them (Wu 2002).

X points forward, Y up and Z to the patient's right, on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.landmarks.results import FloatArray, Line
from afunet.landmarks.spread import Spread
from afunet.landmarks.vectors import across, unit

Points = Mapping[str, FloatArray]


def with_isb_frames(spreads: Mapping[str, Spread], side: Side | None) -> dict[str, Spread]:
    """Add the axes "ISB X", "ISB Y" and "ISB Z" to each bone whose landmarks give them, in LPS."""
    at = {name: spread.found.landmarks for name, spread in spreads.items()}
    outward = 1.0 if side is Side.RIGHT else -1.0
    frames: dict[str, dict[str, Line]] = {
        Bone.PELVIS: _pelvis(at.get(Bone.PELVIS, {})),
        Bone.FEMUR: _femur(at.get(Bone.FEMUR, {}), outward),
        Bone.TIBIA: _tibia({**at.get(Bone.TIBIA, {}), **at.get(Bone.FIBULA, {})}, outward),
    }
    return {
        name: replace(
            spread, found=replace(spread.found, axes={**spread.found.axes, **frames.get(name, {})})
        )
        for name, spread in spreads.items()
    }


def _lines(origin_mm: FloatArray, x: FloatArray, y: FloatArray) -> dict[str, Line]:
    axes = {"ISB X": x, "ISB Y": y, "ISB Z": np.cross(x, y)}
    return {name: Line(origin_mm, direction) for name, direction in axes.items()}


def _has(at: Points, *names: str) -> bool:
    return all(name in at for name in names)


def _pelvis(at: Points) -> dict[str, Line]:
    """Z along both ASIS, X in their plane with the middle of both PSIS, about the left hip."""
    front, back = ("Right ASIS", "Left ASIS"), ("Right PSIS", "Left PSIS")
    if not _has(at, *front, *back, "Left Acetabular Centre"):
        return {}
    z = unit(at[front[0]] - at[front[1]])
    forward = at[front[0]] + at[front[1]] - at[back[0]] - at[back[1]]
    x = unit(across(forward, z))
    return _lines(at["Left Acetabular Centre"], x, np.cross(z, x))


def _femur(at: Points, outward: float) -> dict[str, Line]:
    """Y from the middle of the epicondyles to the hip, Z in their plane."""
    hip, lateral, medial = (
        "Femoral Head Centre",
        "Lateral Epicondyle (LEC)",
        "Medial Epicondyle (MEC)",
    )
    if not _has(at, hip, lateral, medial):
        return {}
    y = unit(at[hip] - (at[lateral] + at[medial]) / 2)
    z = unit(across(outward * (at[lateral] - at[medial]), y))
    return _lines(at[hip], np.cross(y, z), y)


def _tibia(at: Points, outward: float) -> dict[str, Line]:
    """Z along the malleoli, X normal to their plane with the middle of both condyles."""
    lateral, medial = "Lateral Malleolus (LM)", "Medial Malleolus (MM)"
    condyles = "Lateral Tibial Condyle (LC)", "Medial Tibial Condyle (MC)"
    if not _has(at, lateral, medial, *condyles):
        return {}
    origin = (at[lateral] + at[medial]) / 2
    z = unit(outward * (at[lateral] - at[medial]))
    y = unit(across((at[condyles[0]] + at[condyles[1]]) / 2 - origin, z))
    return _lines(origin, np.cross(y, z), y)
