"""A surface with its name and colour in pictures."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.anatomy.bones import Bone
from afunet.geometry import Mesh
from afunet.report.palette import Colour, colour_of

BONE_COLOUR = colour_of(Bone.UNKNOWN)


@dataclass(frozen=True, eq=False)
class ColouredMesh:
    """A mesh in LPS mm, its name in the legend, and its red, green and blue (0–255)."""

    mesh: Mesh
    name: str = "bone"
    colour: Colour = BONE_COLOUR
