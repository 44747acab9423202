"""Colours of pieces: the same number always has the same one."""

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


def colour_of(number: int) -> Colour:
    """The colour of piece `number`, counted from 1; the largest piece is bone-coloured."""
    return PALETTE[(number - 1) % len(PALETTE)]
