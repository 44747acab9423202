"""What a piece is called: its bone, its side, and how sure both are."""

from __future__ import annotations

from dataclasses import dataclass, field

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Volume


@dataclass(frozen=True)
class BoneName:
    """Which bone a piece is or is part of; no side where it is unknown or the bone has none.

    `sureness` is how often such a name is right, from 0 to 1, and `side_sureness` such a side; they
    do not make it another name.
    """

    bone: Bone = Bone.UNKNOWN
    side: Side | None = None
    sureness: float = field(default=0.0, compare=False)
    side_sureness: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        return f"{self.side} {self.bone}" if self.side else str(self.bone)


UNKNOWN = BoneName()


@dataclass(frozen=True, eq=False)
class NamedLabels:
    """A label map, 1 being the largest piece, and the names of labels 1, 2, …"""

    labels: Volume
    names: tuple[BoneName, ...]

    @classmethod
    def unnamed(cls, labels: Volume) -> NamedLabels:
        """Pieces of which nothing is known."""
        return cls(labels, (UNKNOWN,) * int(labels.voxels.max()))
