"""Differences of lengths between both legs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.landmarks.femur import FEMUR_LENGTH
from afunet.landmarks.leg import LEG_LENGTH
from afunet.landmarks.limb import LEG
from afunet.landmarks.results import Definition, Found
from afunet.landmarks.spread import Spread
from afunet.landmarks.tibia import TIBIA_LENGTH

COMPARED: Mapping[Definition, tuple[str, Definition]] = {
    Definition(f"difference of {length.name}", "left minus right", length.unit): (part, length)
    for part, length in (
        (Bone.FEMUR, FEMUR_LENGTH),
        (Bone.TIBIA, TIBIA_LENGTH),
        (LEG, LEG_LENGTH),
    )
}
DIFFERENCES = tuple(COMPARED)


def compared_legs(legs: Mapping[Side, Mapping[str, Spread]]) -> Spread:
    """The differences of lengths, left minus right, with their intervals."""
    values: dict[Definition, float] = {}
    missing: dict[Definition, str] = {}
    intervals: dict[Definition, tuple[float, float]] = {}
    for difference, (part, length) in COMPARED.items():
        lacking = {side: _lacking(legs.get(side, {}), part, length) for side in Side}
        if any(lacking.values()):
            missing[difference] = "; ".join(
                f"{side}: {reason}" for side, reason in lacking.items() if reason
            )
            continue
        left, right = (legs[side][part] for side in (Side.LEFT, Side.RIGHT))
        value = left.found.measures[length] - right.found.measures[length]
        values[difference] = value
        half = float(np.hypot(_half(left, length), _half(right, length)))
        intervals[difference] = (value - half, value + half)
    return Spread(Found(measures=values, missing=missing), {}, intervals)


def _lacking(leg: Mapping[str, Spread], part: str, length: Definition) -> str:
    if part not in leg:
        return f"the {part} is not there"
    return leg[part].found.missing.get(length, "")


def _half(spread: Spread, length: Definition) -> float:
    low, high = spread.intervals.get(length, (0.0, 0.0))
    return (high - low) / 2
