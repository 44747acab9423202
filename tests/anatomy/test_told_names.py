"""Bones that segments of other programs say they are."""

import pytest

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.anatomy.told_names import told_name
from afunet.formats.segments import LEFT, RIGHT, Code, Segment

TIBIA = Code("SCT", "12611008", "Tibia")


@pytest.mark.parametrize(
    ("name", "bone", "side"),
    [
        ("left tibia 2", Bone.TIBIA, Side.LEFT),
        ("Femur_R", Bone.FEMUR, Side.RIGHT),
        ("hip_left", Bone.PELVIS, Side.LEFT),
        ("sacrum", Bone.PELVIS, None),
        ("tarsal", Bone.FOOT, None),
        ("right-fibula", Bone.FIBULA, Side.RIGHT),
        ("Patella", Bone.PATELLA, None),
        ("vertebra", Bone.VERTEBRA, None),
    ],
)
def test_names_in_words_are_understood(name: str, bone: Bone, side: Side | None) -> None:
    assert told_name(Segment(3, name)) == BoneName(bone, side)


@pytest.mark.parametrize("name", ["", "Segment_1", "bone", "unknown", "left", "Tibiana Femurlein"])
def test_other_names_are_unknown(name: str) -> None:
    assert told_name(Segment(1, name)) == UNKNOWN


def test_a_code_counts_before_the_words() -> None:
    assert told_name(Segment(1, "femur right", TIBIA, LEFT)) == BoneName(Bone.TIBIA, Side.LEFT)
    assert told_name(Segment(1, "femur right", TIBIA)) == BoneName(Bone.TIBIA, Side.RIGHT)
    assert told_name(Segment(1, "x", TIBIA, RIGHT)) == BoneName(Bone.TIBIA, Side.RIGHT)


def test_a_code_that_says_only_bone_leaves_it_to_the_words() -> None:
    bone = Code("SCT", Bone.UNKNOWN.row.snomed[0], "Bone")
    assert told_name(Segment(1, "left femur", bone)) == BoneName(Bone.FEMUR, Side.LEFT)


def test_what_is_told_is_sure() -> None:
    told = told_name(Segment(1, "left femur"))
    assert (told.sureness, told.side_sureness) == (1.0, 1.0)
