"""The colours of pieces: the same bone, side and rank has one colour in every result."""

from __future__ import annotations

from afunet.anatomy.bones import Bone

Colour = tuple[int, int, int]
"""Red, green and blue of sRGB, 0–255."""


def colour_of(bone: str, rank: int = 1, side: str | None = None) -> Colour:
    """Return the colour of a bone's piece; `rank` 1 is the largest, `side` "left", "right" or None.

    After the last colour of a row the second follows again, so no fragment looks like the largest.
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
