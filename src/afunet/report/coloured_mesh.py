"""A surface with the name and colour it is shown in."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.geometry import Mesh

Colour = tuple[int, int, int]
BONE_COLOUR: Colour = (236, 222, 192)


@dataclass(frozen=True, eq=False)
class ColouredMesh:
    """A mesh in LPS mm, what it is called in the legend, and its red, green, blue (0–255)."""

    mesh: Mesh
    name: str = "bone"
    colour: Colour = BONE_COLOUR
