"""The table of bones: everything about a bone is in its row and nowhere else.

To add a bone, add a row. The row gives the bone its class in the networks that name bones, its
DICOM structure, its colours in every picture and its TotalSegmentator files. Its name also counts
as a word that identifies nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """The patient's side."""

    LEFT = "left"
    RIGHT = "right"


Colours = Mapping[Side | None, str]
"""Colours of a bone's pieces by side, sRGB in hex, the largest piece first.

All pieces of a bone have similar hues. The left side is light, the right side dark, and an unknown
side in between, so that sides can be distinguished without seeing hues. The colours were made by
spreading CIELAB colours within the lightness and hue of each row as far apart as possible, for
people with and without red, green or blue cones (Machado 2009); the tests measure how far.
"""


@dataclass(frozen=True)
class Row:
    """Everything about one bone.

    `number` never changes and belongs to no other bone; `name` is the class in networks; `snomed`
    is the code in SNOMED CT and its meaning. `meets` lists the bones of the table with which it has
    a joint: only bones that are at most three joints apart need different colours. A bone without
    colours is shown as an unknown one. `named` says whether pieces are named after the bone,
    `per_leg` how many of it a leg has. `totalsegmentator` holds patterns of the TotalSegmentator
    structures that belong to it.
    """

    number: int
    name: str
    snomed: tuple[str, str]
    colours: Colours
    meets: tuple[str, ...] = ()
    named: bool = True
    per_leg: int = 0
    totalsegmentator: tuple[str, ...] = ()

    @property
    def sided(self) -> bool:
        """Whether there is a left and a right one."""
        return {Side.LEFT, Side.RIGHT} <= self.colours.keys()


class Bone(StrEnum):
    """A bone by its name. The pelvis is both hip bones and the sacrum; `UNKNOWN` is any other."""

    row: Row

    def __new__(cls, row: Row | str) -> Bone:
        """Create a member from its row; `Bone("femur")` only looks one up."""
        assert isinstance(row, Row)
        bone = str.__new__(cls, row.name)
        bone._value_, bone.row = row.name, row
        return bone

    # fmt: off
    PELVIS = Row(1, "pelvis", ("118645006", "Pelvis"), {
        Side.LEFT: "ffbdd2 d38296 ed9c93 fa4874 a35757 d62f77",
        Side.RIGHT: "cd1684 fc9187 fda8be c87b98 d46473 ffbcb5",
        None: "ff6791 b6456b c86365 e598bb db1039 ff979e",
    }, meets=("femur", "vertebra"), totalsegmentator=("sacrum", "hip_left", "hip_right"))
    FEMUR = Row(2, "femur", ("71341001", "Femur"), {
        Side.LEFT: "c8c189 e7f162 b0a914 ecc10b 938436 f5ea9d",
        Side.RIGHT: "786e00 997a3f d7d932 d8aa04 ebc689 ab993b",
        None: "9b985e d2d777 717022 ffde35 c49220 928005",
    }, meets=("pelvis", "patella", "tibia"), per_leg=1,
        totalsegmentator=("femur_left", "femur_right"))
    PATELLA = Row(3, "patella", ("64234005", "Patella"), {
        Side.LEFT: "b0f2c0 1f866d 0db880 567631 82ae57 0be0c3",
        Side.RIGHT: "3e825c 72c4a1 68ffd7 229f8b d3eeae 11ce43",
        None: "43a688 72c270 96feb9 2f7b4a 009661 81fde4",
    }, meets=("femur",), per_leg=1, totalsegmentator=("patella*",))
    TIBIA = Row(4, "tibia", ("12611008", "Tibia"), {
        Side.LEFT: "96ecff 3a7fcc afccff 007699 15a5be 63a7e8",
        Side.RIGHT: "1689b4 04788b 4cafda 0070c2 61d5f0 2898e8",
        None: "35b3cc 6596dd 95e4ff 008fa7 0f78b2 34cbff",
    }, meets=("femur", "fibula", "foot"), per_leg=1, totalsegmentator=("tibia*",))
    FIBULA = Row(5, "fibula", ("87342007", "Fibula"), {
        Side.LEFT: "ffb554 f98d69 e53a08 ffc7a3 ae573c b77a5a",
        Side.RIGHT: "ca7d00 d28b73 d12c00 fbad5d be8351 a6644e",
        None: "f79438 9b5d43 da652d aa7b4f b74c10 ffb49b",
    }, meets=("tibia", "foot"), per_leg=1, totalsegmentator=("fibula*",))
    FOOT = Row(6, "foot", ("56459004", "Foot"), {
        Side.LEFT: "c2b4ff 955792 cd86c8 d437c4 b2729d 8479f9",
        Side.RIGHT: "8b6bff eaacdc ad9efe 8b58a8 ee75cb 9f5388",
        None: "bd7dff 7d72de d5abe3 a874a6 7a659c 884dde",
    }, meets=("tibia", "fibula"), per_leg=26,
        totalsegmentator=("tarsal*", "metatarsal*", "phalanges_feet*"))
    VERTEBRA = Row(7, "vertebra", ("51282000", "Vertebra"), {}, meets=("pelvis",), named=False)
    UNKNOWN = Row(0, "unknown", ("272673000", "Bone"), {
        # Often the only colours in a picture: many, of any hue, far from those of every bone and
        # from every grey of a scan.
        None: "ac15d3 e9f42e 2e9c02 ff4f02 14ffec 65a7ff 02de5a ffcbb5"
        " b23918 c8867b 446591 914f5a 9c86a7 91704f",
    }, named=False)
    # fmt: on

    @staticmethod
    def of(text: str) -> Bone:
        """The bone that a text such as "femur left" or "Femur_L" begins with, or `UNKNOWN`."""
        first = text.lower().replace("_", " ").split(" ")[0]
        return Bone(first) if first in set(Bone) else Bone.UNKNOWN


NAMED = tuple(sorted((bone for bone in Bone if bone.row.named), key=lambda bone: bone.row.number))
"""The bones that pieces are named after, by number: the classes of networks."""
LEG = frozenset(bone for bone in Bone if bone.row.per_leg)
"""The bones of one leg."""
