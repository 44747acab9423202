"""Numbers for fragments of one bone, letters for other pieces of one name."""

import numpy as np
import pytest

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName, NamedLabels
from afunet.geometry import Volume
from afunet.reconstruction.instances import split_instances
from afunet.reconstruction.numbering import piece_titles
from afunet.reconstruction.pieces import measure_pieces

TIBIA, FIBULA = BoneName(Bone.TIBIA, Side.LEFT, 0.9), BoneName(Bone.FIBULA, Side.LEFT, 0.8)


def titles(apart_mm, *names):
    """Titles of blocks in a row with gaps between them, each smaller than the one before."""
    voxels = np.zeros((14, 14, 200), dtype=np.uint8)
    start = 2
    for gap, size in zip((*apart_mm, 0), range(12, 12 - len(names), -1), strict=True):
        voxels[1 : 1 + size, 1 : 1 + size, start : start + 12] = 1
        start += 12 + gap
    labels = split_instances(Volume(voxels, np.eye(4)))
    named = measure_pieces(NamedLabels(labels, names))
    return tuple(piece.name for piece in named.pieces)


def test_a_bone_of_one_piece_has_its_name_and_fragments_are_numbered():
    sides = (TIBIA, FIBULA, BoneName(Bone.TIBIA, Side.LEFT, 0.6, 0.7), BoneName(Bone.TIBIA))
    assert piece_titles(sides, (0, 1, 0, 3)) == (
        "left tibia 1",
        "left fibula",
        "left tibia 2",
        "tibia",
    )


def test_pieces_of_one_name_that_lie_near_are_fragments_and_others_are_not():
    assert titles([3, 30], TIBIA, TIBIA, TIBIA) == (
        "left tibia a 1",
        "left tibia a 2",
        "left tibia b",
    )
    assert titles([3, 3], TIBIA, TIBIA, TIBIA) == ("left tibia 1", "left tibia 2", "left tibia 3")


def test_titles_are_the_same_while_surfaces_are_left_for_later():
    voxels = np.zeros((14, 14, 120), dtype=np.uint8)
    for start, size in ((2, 12), (17, 11), (60, 10), (90, 9)):
        voxels[1 : 1 + size, 1 : 1 + size, start : start + 12] = 1
    labels = split_instances(Volume(voxels, np.eye(4)))
    named = NamedLabels(labels, (TIBIA, TIBIA, TIBIA, FIBULA))
    at_once = measure_pieces(named)
    later = measure_pieces(named, remember=lambda *_: None)
    names = ["left tibia a 1", "left tibia a 2", "left tibia b", "left fibula"]
    assert [piece.name for piece in at_once.pieces] == names
    assert [piece.name for piece in later.pieces] == names
    assert [piece.measures for piece in later.pieces] == [one.measures for one in at_once.pieces]
    assert [piece.area_mm2 is None for piece in later.pieces] == [False, False, True, True]
    assert {(piece.gap_mm, piece.nearest) for piece in later.pieces} == {(None, "")}
    assert later.surfaces[3].is_empty


def test_two_femurs_of_unknown_side_that_lie_apart_are_two_bones():
    femur = BoneName(Bone.FEMUR, None, 0.9)
    assert titles([40], femur, femur) == ("femur a", "femur b")


@pytest.mark.parametrize("bone", [Bone.FOOT, Bone.PELVIS])
def test_a_name_of_several_bones_is_never_numbered(bone):
    name = BoneName(bone, Side.RIGHT, 0.9)
    assert titles([2], name, name) == (f"right {bone} a", f"right {bone} b")


def test_what_has_grown_together_is_not_told_to_be_broken():
    voxels = np.zeros((20, 20, 50), dtype=np.uint8)
    voxels[2:18, 2:18, 2:20] = voxels[2:18, 2:18, 20:36] = 1
    voxels[2:18, 2:18, 20:36] = 2
    labels = Volume(voxels, np.eye(4))
    found = measure_pieces(NamedLabels(labels, (TIBIA, TIBIA)))
    assert [piece.name for piece in found.pieces] == ["left tibia a", "left tibia b"]


def test_a_piece_of_no_known_bone_is_called_by_its_label():
    assert piece_titles((TIBIA, UNKNOWN, UNKNOWN), (0, 1, 2)) == (
        "left tibia",
        "piece 2",
        "piece 3",
    )
    assert piece_titles((), ()) == ()


@pytest.mark.parametrize("together", [True, False])
def test_no_two_titles_are_alike(together):
    names = [TIBIA, FIBULA, UNKNOWN, BoneName(Bone.FOOT)] * 60
    bones = [index % 4 if together else index for index in range(len(names))]
    assert len(set(piece_titles(names, bones))) == len(names)
