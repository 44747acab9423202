"""The one table of colours: a bone, its side and its fragments look alike in every result.

A bone has a hue, kept by all its pieces. Its left side is light, its right side dark, and between
them it is where the side is not known, so that sides are told apart without seeing hues too. What
no bone is known of is nearly grey; where there are more such pieces, each has a colour that is far
from the others' and from that of the largest piece of any bone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Red, green and blue of sRGB, 0–255."""

LEFT, RIGHT, NO_SIDE, UNKNOWN = "left", "right", "", "unknown"

# Largest piece first, then its fragments in turn. Made by spreading CIELAB colours within the
# lightness and hue of each row as far apart as they go, as they are seen and as they are by
# people without red, green or blue cones (Machado 2009); the tests say how far that is.
# Pieces of unknown bones are most often all that a picture has: their row is long, of any hue.
TABLE: dict[tuple[str, str], str] = {
    ("pelvis", LEFT): "ffbdd2 d38296 ed9c93 fa4874 a35757 d62f77",
    ("pelvis", RIGHT): "cd1684 fc9187 fda8be c87b98 d46473 ffbcb5",
    ("pelvis", NO_SIDE): "ff6791 b6456b c86365 e598bb db1039 ff979e",
    ("femur", LEFT): "c8c189 e7f162 b0a914 ecc10b 938436 f5ea9d",
    ("femur", RIGHT): "786e00 997a3f d7d932 d8aa04 ebc689 ab993b",
    ("femur", NO_SIDE): "9b985e d2d777 717022 ffde35 c49220 928005",
    ("patella", LEFT): "b0f2c0 1f866d 0db880 567631 82ae57 0be0c3",
    ("patella", RIGHT): "3e825c 72c4a1 68ffd7 229f8b d3eeae 11ce43",
    ("patella", NO_SIDE): "43a688 72c270 96feb9 2f7b4a 009661 81fde4",
    ("tibia", LEFT): "96ecff 3a7fcc afccff 007699 15a5be 63a7e8",
    ("tibia", RIGHT): "1689b4 04788b 4cafda 0070c2 61d5f0 2898e8",
    ("tibia", NO_SIDE): "35b3cc 6596dd 95e4ff 008fa7 0f78b2 34cbff",
    ("fibula", LEFT): "ffb554 f98d69 e53a08 ffc7a3 ae573c b77a5a",
    ("fibula", RIGHT): "ca7d00 d28b73 d12c00 fbad5d be8351 a6644e",
    ("fibula", NO_SIDE): "f79438 9b5d43 da652d aa7b4f b74c10 ffb49b",
    ("foot", LEFT): "c2b4ff 955792 cd86c8 d437c4 b2729d 8479f9",
    ("foot", RIGHT): "8b6bff eaacdc ad9efe 8b58a8 ee75cb 9f5388",
    ("foot", NO_SIDE): "bd7dff 7d72de d5abe3 a874a6 7a659c 884dde",
    (UNKNOWN, NO_SIDE): "b2a9ab ac15d3 18990e fce91a 14ffec 6c97f5 447073 a64e45"
    " b179a1 666a94 fa491c ffcbb5 95ca1a 837165",
}


@dataclass(frozen=True)
class NamedColour:
    """A row of a colour table: whose colour it is, `rank` 1 being a bone's largest piece."""

    bone: str
    side: str
    rank: int
    colour: Colour


def colour_of(bone: str, rank: int = 1, side: str | None = None) -> Colour:
    """The colour of a bone's piece, `rank` 1 being the largest, `side` "left", "right" or none.

    Fragments past the last colour of a row begin at its second again: none looks like the largest.
    """
    row = _ROWS.get((bone, side or NO_SIDE)) or _ROWS[UNKNOWN, NO_SIDE]
    return row[rank - 1] if rank <= len(row) else row[1 + (rank - 2) % (len(row) - 1)]


def colour_table() -> Iterator[NamedColour]:
    """Every colour there is, for viewers that keep tables of their own."""
    for (bone, side), row in _ROWS.items():
        for rank, colour in enumerate(row, start=1):
            yield NamedColour(bone, side, rank, colour)


def _colour(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


_ROWS = {key: tuple(map(_colour, row.split())) for key, row in TABLE.items()}
