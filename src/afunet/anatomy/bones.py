"""What bones are called, and how pieces are named after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from afunet.geometry import Volume


class Bone(StrEnum):
    """A bone of the lower limb. The pelvis is both hip bones and the sacrum."""

    PELVIS = "pelvis"
    FEMUR = "femur"
    PATELLA = "patella"
    TIBIA = "tibia"
    FIBULA = "fibula"
    FOOT = "foot"
    UNKNOWN = "unknown"


LEG = frozenset({Bone.FEMUR, Bone.PATELLA, Bone.TIBIA, Bone.FIBULA, Bone.FOOT})
"""The bones of one leg."""


class Side(StrEnum):
    """The patient's side."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class BoneName:
    """Which bone a piece is or is part of; no side where it is unknown or the bone has none.

    `sureness` is how often such a name is right, from 0 to 1, and `side_sureness` such a side.
    """

    bone: Bone = Bone.UNKNOWN
    side: Side | None = None
    sureness: float = 0.0
    side_sureness: float = 0.0

    def __str__(self) -> str:
        return f"{self.side} {self.bone}" if self.side else str(self.bone)


UNKNOWN = BoneName()


@dataclass(frozen=True, eq=False)
class NamedLabels:
    """A label map, 1 being the largest piece, and the names of labels 1, 2, …"""

    labels: Volume
    names: tuple[BoneName, ...]


Namer = Callable[[Volume], NamedLabels]
"""Names the labels of a map; it may part what it takes for several bones."""
