"""The colour that a piece is drawn in: its bone, side and rank look alike in every result."""

from __future__ import annotations

from afunet.anatomy.bones import Bone

Colour = tuple[int, int, int]
"""Red, green and blue of sRGB, 0–255."""


def colour_of(bone: str, rank: int = 1, side: str | None = None) -> Colour:
    """The colour of a bone's piece, `rank` 1 being the largest, `side` "left", "right" or none.

    Fragments past the last colour of a row begin at its second again: none looks like the largest.
    """
    row = _ROWS.get((bone, side or None), _ROWS[Bone.UNKNOWN, None])
    return row[rank - 1] if rank <= len(row) else row[1 + (rank - 2) % (len(row) - 1)]


def _colour(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


_ROWS: dict[tuple[str, str | None], tuple[Colour, ...]] = {
    (bone, side): tuple(map(_colour, row.split()))
    for bone in Bone
    for side, row in bone.row.colours.items()
}
