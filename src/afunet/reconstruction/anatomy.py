"""What bones are called, and how pieces are named after them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
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


class Side(StrEnum):
    """The patient's side."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class BoneName:
    """Which bone a piece is or is part of; no side where it is unknown or the bone has none.

    `sureness` is how sure the bone is, from 0 to 1.
    """

    bone: Bone = Bone.UNKNOWN
    side: Side | None = None
    sureness: float = 0.0

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


def piece_titles(names: Sequence[BoneName]) -> tuple[str, ...]:
    """A title for every piece, no two alike.

    The only piece of a bone has the bone's name, several are numbered: "left tibia 1", the
    largest, "left tibia 2". Pieces of no known bone are "piece 7", by their label.
    """
    totals, seen = Counter(map(str, names)), Counter[str]()
    titles = []
    for label, name in enumerate(names, start=1):
        text = str(name)
        seen[text] += 1
        if name.bone is Bone.UNKNOWN:
            titles.append(f"piece {label}")
        else:
            titles.append(f"{text} {seen[text]}" if totals[text] > 1 else text)
    return tuple(titles)
