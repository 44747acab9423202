"""A surface with the name and colour it is shown in."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.anatomy.bones import Bone
from afunet.geometry import Mesh
from afunet.report.palette import Colour, colour_of

BONE_COLOUR = colour_of(Bone.UNKNOWN)


@dataclass(frozen=True, eq=False)
class ColouredMesh:
    """A mesh in LPS mm, what it is called in the legend, and its red, green, blue (0–255)."""

    mesh: Mesh
    name: str = "bone"
    colour: Colour = BONE_COLOUR
