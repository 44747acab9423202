"""What is found on a bone: landmarks, axes, angles, and what the bone does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Bone, Side

FloatArray = NDArray[np.float64]


class Unit(StrEnum):
    """The unit of a measure."""

    DEGREES = "deg"
    MILLIMETRES = "mm"
    RATIO = "1"


@dataclass(frozen=True)
class Definition:
    """A measure by its name, what exactly it is, with the source, and its unit."""

    name: str
    words: str
    unit: Unit = Unit.DEGREES


@dataclass(frozen=True)
class Part:
    """What measures belong to: a bone, a leg or both legs, with its side if it has one."""

    name: str
    side: Side | None = None

    def __str__(self) -> str:
        return f"{self.side} {self.name}" if self.side else self.name

    @property
    def is_bone(self) -> bool:
        """Whether it is a bone and not a leg."""
        return Bone.of(self.name) is not Bone.UNKNOWN


@dataclass(frozen=True, eq=False)
class Line:
    """A point (3,) in mm and a unit direction (3,)."""

    point_mm: FloatArray
    direction: FloatArray


@dataclass(frozen=True, eq=False)
class Found:
    """Everything found on one bone, in the frame of its points; names are those of the report.

    `missing` gives the reason for each measure that the bone does not show.
    """

    landmarks: Mapping[str, FloatArray] = field(default_factory=dict)
    axes: Mapping[str, Line] = field(default_factory=dict)
    measures: Mapping[Definition, float] = field(default_factory=dict)
    missing: Mapping[Definition, str] = field(default_factory=dict)

    @classmethod
    def nothing(cls, asked: tuple[Definition, ...], reason: str) -> Found:
        """Return that none of these measures is shown, for one reason."""
        return cls(missing=dict.fromkeys(asked, reason))

    def mirrored(self) -> Found:
        """Return what is found on the mirror image (x to −x); angles and lengths stay."""
        flip = np.array([-1.0, 1.0, 1.0])
        return Found(
            {name: point * flip for name, point in self.landmarks.items()},
            {
                name: Line(line.point_mm * flip, line.direction * flip)
                for name, line in self.axes.items()
            },
            self.measures,
            self.missing,
        )
