"""Colours of bones and pieces: the same bone, or fragment of it, always has the same one."""

from __future__ import annotations

from afunet.report.coloured_mesh import BONE_COLOUR, Colour

# Light, far apart, and told apart with the common colour blindnesses too (after Okabe and Ito).
PALETTE: tuple[Colour, ...] = (
    BONE_COLOUR,
    (86, 180, 233),
    (240, 160, 60),
    (90, 190, 150),
    (225, 120, 165),
    (240, 228, 96),
    (130, 130, 220),
    (213, 110, 60),
    (160, 205, 90),
    (185, 150, 120),
    (120, 205, 215),
    (200, 170, 225),
)
BONES: dict[str, int] = {
    "femur": 0,
    "tibia": 1,
    "fibula": 2,
    "patella": 3,
    "pelvis": 4,
    "foot": 5,
}
"""Where in the palette the colour of a bone stands."""


def colour_of(bone: str, rank: int) -> Colour:
    """The colour of a bone's piece, `rank` 1 being the largest, which has the bone's own colour.

    Fragments have the colours that no bone has, and those of an unknown bone all in turn.
    """
    if bone not in BONES:
        return PALETTE[(rank - 1) % len(PALETTE)]
    if rank == 1:
        return PALETTE[BONES[bone]]
    free = PALETTE[len(BONES) :]
    return free[(BONES[bone] + rank - 2) % len(free)]
