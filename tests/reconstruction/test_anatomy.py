"""Titles of pieces."""

from afunet.reconstruction.anatomy import UNKNOWN, Bone, BoneName, Side, piece_titles

TIBIA, FIBULA = BoneName(Bone.TIBIA, Side.LEFT, 0.9), BoneName(Bone.FIBULA, Side.LEFT, 0.8)


def test_a_bone_of_one_piece_has_its_name_and_several_are_numbered() -> None:
    names = (TIBIA, FIBULA, BoneName(Bone.TIBIA, Side.LEFT, 0.6), BoneName(Bone.TIBIA))
    assert piece_titles(names) == ("left tibia 1", "left fibula", "left tibia 2", "tibia")


def test_a_piece_of_no_known_bone_is_called_by_its_label() -> None:
    assert piece_titles((TIBIA, UNKNOWN, UNKNOWN)) == ("left tibia", "piece 2", "piece 3")
    assert piece_titles(()) == ()


def test_no_two_titles_are_alike() -> None:
    names = [TIBIA, FIBULA, UNKNOWN] * 7
    assert len(set(piece_titles(names))) == len(names)
