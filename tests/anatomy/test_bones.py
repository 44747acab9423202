"""The contract of every row of the table of bones."""

from fnmatch import fnmatchcase
from itertools import combinations

import pytest
from pydicom.sr.codedict import codes

from afunet.anatomy.bone_network import BoneNamerConfig
from afunet.anatomy.bones import LEG, NAMED, Bone, Side
from afunet.anatomy.named_grid import bones_of
from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.models.model_file import Network

NUMBERS = {"unknown": 0, "pelvis": 1, "femur": 2, "patella": 3, "tibia": 4, "fibula": 5, "foot": 6}
SNOMED = {(code.value, code.meaning) for code in (getattr(codes.SCT, n) for n in codes.SCT.dir())}


def test_numbers_are_for_ever_and_no_two_bones_share_one():
    numbers = {str(bone): bone.row.number for bone in Bone}
    assert NUMBERS.items() <= numbers.items()
    assert len(set(numbers.values())) == len(numbers)


@pytest.mark.parametrize("bone", Bone)
def test_a_bone_is_found_by_its_name_alone_or_before_a_side(bone):
    assert bone == bone.row.name == bone.lower()
    assert Bone(bone.row.name) is Bone.of(f"{bone} left") is Bone.of(f"{bone.title()}_R") is bone


@pytest.mark.parametrize("bone", Bone)
def test_a_bone_has_a_code_of_its_own_that_dicom_knows(bone):
    assert bone.row.snomed in SNOMED
    assert [other for other in Bone if other.row.snomed[0] == bone.row.snomed[0]] == [bone]


@pytest.mark.parametrize("bone", NAMED)
def test_a_named_bone_has_colours_for_each_of_its_sides(bone):
    sides = {None, *Side} if bone.row.sided else {None}
    assert bone.row.colours.keys() == sides
    assert {len(row.split()) for row in bone.row.colours.values()} == {6}


def test_networks_are_taught_the_named_bones_and_tell_them():
    classes = (*map(str, NAMED), "other", "vertebra")
    network = Network(BoneNamerConfig(classes, widths=(2,)), session=None)
    assert bones_of(network) == (*NAMED, Bone.UNKNOWN, Bone.UNKNOWN)
    assert Bone.UNKNOWN not in NAMED
    assert set(NAMED) >= LEG


def test_a_structure_of_totalsegmentator_is_part_of_one_bone():
    assert all(bone.row.totalsegmentator for bone in NAMED)
    for one, other in combinations(Bone, 2):
        for pattern in one.row.totalsegmentator:
            example = pattern.replace("*", "_left")
            assert not any(fnmatchcase(example, also) for also in other.row.totalsegmentator)


def test_a_name_reads_as_it_is_told():
    assert str(BoneName(Bone.TIBIA, Side.LEFT, 0.9, 0.8)) == "left tibia"
    assert str(BoneName(Bone.PELVIS, None, 0.9)) == "pelvis"
    assert str(UNKNOWN) == "unknown"
