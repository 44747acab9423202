"""Colours that stay with a bone, its side and its fragments, and are told apart."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from afunet.anatomy.bones import LEG, Bone, Side
from afunet.anatomy.bones import NAMED as BONES
from afunet.report.palette import colour_of

LEFT, RIGHT, UNKNOWN = Side.LEFT, Side.RIGHT, Bone.UNKNOWN
SIDED = [bone for bone in BONES if bone.row.sided]
OWN = [(bone, side) for bone in BONES for side in bone.row.colours]
"""Every named bone with each side that it may have, and with none."""
EVERY = [colour_of(bone, rank, side) for bone, side in OWN for rank in range(1, 7)]
EVERY += [colour_of(UNKNOWN, rank) for rank in range(1, 15)]

JOINTS_APART = 3
"""Bones that are no more joints apart are in one picture often, and must be told apart."""


def joints_between(one: Bone, other: Bone) -> float:
    reached, joints = {one}, 0
    while other not in reached:
        further = reached | {Bone(name) for bone in reached for name in bone.row.meets}
        if further == reached:
            return float("inf")
        reached, joints = further, joints + 1
    return joints


def near(one: Bone, other: Bone) -> bool:
    """Whether their colours must differ; every bone may lie beside a piece without a name."""
    return UNKNOWN in (one, other) or joints_between(one, other) <= JOINTS_APART


# What linear red, green and blue become without one kind of cones (Machado, Oliveira and
# Fernandes 2009, severity 1).
VISIONS = {
    "usual": np.eye(3),
    "without red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "without blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: tuple[int, int, int], vision: str = "usual") -> NDArray[np.float64]:
    """CIELAB of a colour as it is seen."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISIONS[vision]) @ linear, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(back))


def apart(one: tuple[int, int, int], other: tuple[int, int, int], vision: str = "usual") -> float:
    """CIEDE2000 between two colours; about 1 is just seen side by side."""
    return float(deltaE_ciede2000(lab(one, vision), lab(other, vision)))


def test_bones_that_meet_meet_each_other() -> None:
    for bone in Bone:
        for name in bone.row.meets:
            assert bone in Bone(name).row.meets, (bone, name)


def test_bones_of_a_leg_are_near_each_other() -> None:
    assert joints_between(Bone.PELVIS, Bone.FIBULA) == 3
    assert all(near(one, other) for one, other in combinations(LEG, 2))


def test_no_colour_is_there_twice_among_bones_that_are_near() -> None:
    own = [(bone, colour_of(bone, rank, side)) for bone, side in OWN for rank in range(1, 7)]
    own += [(UNKNOWN, colour_of(UNKNOWN, rank)) for rank in range(1, 15)]
    for (bone, one), (another, other) in combinations(own, 2):
        assert one != other or not near(bone, another), (bone, another)


@pytest.mark.parametrize("vision", VISIONS)
def test_left_and_right_of_a_bone_are_told_apart_by_lightness(vision: str) -> None:
    for bone in SIDED:
        left, right = colour_of(bone, 1, LEFT), colour_of(bone, 1, RIGHT)
        assert apart(left, right, vision) >= 14, bone
        assert lab(left, vision)[0] > lab(right, vision)[0] + 14, bone


@pytest.mark.parametrize(("vision", "least"), list(zip(VISIONS, (16, 8, 8, 6), strict=True)))
def test_bones_are_told_apart(vision: str, least: float) -> None:
    own = [(bone, colour_of(bone, 1, side)) for bone, side in (*OWN, (UNKNOWN, None))]
    for (bone, one), (another, other) in combinations(own, 2):
        if bone != another and near(bone, another):
            assert apart(one, other, vision) >= least, (bone, another)


@pytest.mark.parametrize(("vision", "least"), list(zip(VISIONS, (8, 4, 4, 4), strict=True)))
def test_fragments_of_a_bone_are_told_apart(vision: str, least: float) -> None:
    for bone, side in (*OWN, (UNKNOWN, None)):
        row = [colour_of(bone, rank, side) for rank in range(1, 7)]
        for one, other in combinations(row, 2):
            assert apart(one, other, vision) >= least, (bone, side)


@pytest.mark.parametrize(("vision", "least"), list(zip(VISIONS, (18, 9, 9, 9), strict=True)))
def test_fourteen_pieces_without_a_name_are_told_apart(vision: str, least: float) -> None:
    row = [colour_of(UNKNOWN, rank) for rank in range(1, 15)]
    for one, other in combinations(row, 2):
        assert apart(one, other, vision) >= least, (one, other)


def test_no_piece_without_a_name_looks_like_the_largest_of_a_bone() -> None:
    own = [colour_of(bone, 1, side) for bone, side in OWN]
    for rank in range(1, 15):
        assert min(apart(colour_of(UNKNOWN, rank), colour) for colour in own) >= 16, rank


def test_left_and_right_share_a_hue_that_no_bone_near_by_has() -> None:
    for bone in BONES:
        hues = [hue_deg(colour_of(bone, 1, side)) for side in bone.row.colours]
        others = [
            hue_deg(colour_of(other, 1)) for other in BONES if other != bone and near(bone, other)
        ]
        turns = [turn_deg(hue, other) for hue in hues for other in others]
        widest = max((turn_deg(*pair) for pair in combinations(hues, 2)), default=0.0)
        assert widest < min(turns, default=360.0), bone


def hue_deg(colour: tuple[int, int, int]) -> float:
    _, green_red, blue_yellow = lab(colour)
    return float(np.degrees(np.arctan2(blue_yellow, green_red)))


def turn_deg(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def test_every_colour_stands_out_from_a_dark_and_from_a_light_ground() -> None:
    for colour in EVERY:
        assert 40 < lab(colour)[0] < 95, colour


def test_every_colour_stands_out_from_a_grey_scan() -> None:
    greys = [(grey, grey, grey) for grey in range(256)]
    labs = np.array([lab(grey) for grey in greys])
    for colour in EVERY:
        assert deltaE_ciede2000(lab(colour), labs).min() >= 16, colour


@pytest.mark.parametrize("vision", VISIONS)
def test_the_first_piece_without_a_name_stands_out_from_grey_for_everybody(vision: str) -> None:
    largest = colour_of(UNKNOWN)
    assert min(apart(largest, (grey, grey, grey), vision) for grey in range(256)) >= 24


def test_the_largest_piece_looks_like_no_fragment_however_many_there_are() -> None:
    largest = colour_of("tibia", 1, LEFT)
    assert largest not in {colour_of("tibia", rank, LEFT) for rank in range(2, 40)}
    assert colour_of("tibia", 7, LEFT) == colour_of("tibia", 2, LEFT)


def test_a_side_may_be_none_and_a_bone_that_no_row_has_is_unknown() -> None:
    assert colour_of("pelvis", 1) == colour_of("pelvis", 1, None) == colour_of("pelvis", 1, "")
    assert colour_of("clavicle", 2, LEFT) == colour_of(UNKNOWN, 2)
    assert colour_of(Bone.VERTEBRA, 3, LEFT) == colour_of(UNKNOWN, 3, LEFT) == colour_of(UNKNOWN, 3)
