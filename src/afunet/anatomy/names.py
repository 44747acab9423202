"""The name of a piece: its bone, its side, and the confidence in both."""

from __future__ import annotations

from dataclasses import dataclass, field

from afunet.anatomy.bones import Bone, Side
from afunet.geometry import Volume


@dataclass(frozen=True)
class BoneName:
    """The bone that a piece is or is part of; no side if it is unknown or the bone has no sides.

    `sureness` is the confidence in the bone and `side_sureness` that in the side: how often such a
    name is right, from 0 to 1. They do not count in comparisons of names.
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
        """The label map with every name unknown."""
        return cls(labels, (UNKNOWN,) * int(labels.voxels.max()))
