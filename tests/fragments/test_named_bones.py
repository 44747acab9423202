"""Named bones of a label map are parted, all others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.fragments.test_part_bone import BONE, DARK, NETWORK, bone

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName, NamedLabels
from afunet.fragments import named_bones
from afunet.fragments.named_bones import Fragmented, part_named_bones

PELVIS = BoneName(Bone.PELVIS, Side.LEFT)
TIBIA, FIBULA = BoneName(Bone.TIBIA, Side.LEFT), BoneName(Bone.FIBULA, Side.LEFT)


def row() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Three labels of 14 × 14 × 30, 20 and 12 voxels in a row; 1 and 2 touch, 3 is apart."""
    labels = np.zeros((18, 18, 90), dtype=np.uint8)
    labels[2:16, 2:16, 2:32] = 1
    labels[2:16, 2:16, 32:52] = 2
    labels[2:16, 2:16, 70:82] = 3
    return labels, np.where(labels > 0, BONE, 0).astype(np.float32)


def parted(labels: NDArray[np.uint8], hu: NDArray[np.float32], *names: BoneName) -> Fragmented:
    return part_named_bones(
        NamedLabels(bone(labels), names), bone(hu), NETWORK, bones={Bone.TIBIA, Bone.FIBULA}
    )


def test_a_cut_inside_one_bone_that_the_network_does_not_see_is_given_up() -> None:
    labels, hu = row()
    found = parted(labels, hu, TIBIA, TIBIA, FIBULA)
    assert found.named.names == (TIBIA, FIBULA)
    assert (found.named.labels.voxels[2:16, 2:16, 2:52] == 1).all()
    assert (found.named.labels.voxels[2:16, 2:16, 70:82] == 2).all()
    assert not found.cuts


def test_a_contact_parts_a_bone_and_its_fragments_inherit_the_name() -> None:
    labels, hu = row()
    hu[:, :, 20:22] = DARK
    found = parted(labels, hu, TIBIA, TIBIA, FIBULA)
    assert found.named.names == (TIBIA, TIBIA, FIBULA)
    assert found.named.labels.voxels[8, 8, 45] == 1
    assert found.named.labels.voxels[8, 8, 10] == 2
    ((one, other),) = [(cut.one, cut.other) for cut in found.cuts]
    assert {one, other} == {1, 2}


def test_bones_of_two_names_are_never_joined() -> None:
    labels, hu = row()
    found = parted(labels, hu, TIBIA, FIBULA, TIBIA)
    assert np.array_equal(found.named.labels.voxels, labels)
    assert found.named.names == (TIBIA, FIBULA, TIBIA)


def test_pieces_without_a_name_stay_as_they_are_where_only_named_bones_are_asked() -> None:
    labels, hu = row()
    hu[:, :, 20:22] = DARK
    found = parted(labels, hu, UNKNOWN, UNKNOWN, UNKNOWN)
    assert np.array_equal(found.named.labels.voxels, labels)


def test_pieces_without_a_name_that_meet_are_one_bone() -> None:
    """The mask of one bone, divided by thickness at the wrong place and named by nothing."""
    labels, hu = row()
    hu[:, :, 20:22] = DARK
    named = NamedLabels(bone(labels), (UNKNOWN,) * 3)
    found = part_named_bones(named, bone(hu), NETWORK)
    assert found.named.names == (UNKNOWN,) * 3
    assert found.named.labels.voxels[8, 8, 45] == found.named.labels.voxels[8, 8, 25] == 1
    assert found.named.labels.voxels[8, 8, 10] == 2
    assert [(cut.one, cut.other) for cut in found.cuts] == [(1, 2)]


def test_a_chip_without_a_name_belongs_to_the_bone_that_it_meets() -> None:
    labels, hu = row()
    named = NamedLabels(bone(labels), (PELVIS, UNKNOWN, TIBIA))
    found = part_named_bones(named, bone(hu), NETWORK)
    assert found.named.names == (PELVIS, TIBIA)
    assert (found.named.labels.voxels[2:16, 2:16, 2:52] == 1).all()


def test_a_piece_of_the_pelvis_without_a_side_belongs_to_the_hip_bone_that_it_meets() -> None:
    labels, hu = row()
    named = NamedLabels(bone(labels), (PELVIS, BoneName(Bone.PELVIS), TIBIA))
    found = part_named_bones(named, bone(hu), NETWORK)
    assert found.named.names == (PELVIS, TIBIA)


@pytest.mark.parametrize("name", [BoneName(Bone.FOOT), UNKNOWN])
def test_small_bones_that_touch_beside_named_ones_stay_apart(name: BoneName) -> None:
    """The bones of a foot, whose side is unknown or which have no name."""
    labels, hu = row()
    found = part_named_bones(NamedLabels(bone(labels), (name, name, TIBIA)), bone(hu), NETWORK)
    assert np.array_equal(found.named.labels.voxels, labels)
    assert found.named.names == (name, name, TIBIA)


def test_a_chip_that_meets_a_bone_which_is_not_parted_stays_as_it_is() -> None:
    labels, hu = row()
    named = NamedLabels(bone(labels), (TIBIA, UNKNOWN, FIBULA))
    found = part_named_bones(named, bone(hu), NETWORK)
    assert np.array_equal(found.named.labels.voxels, labels)
    assert found.named.names == (TIBIA, UNKNOWN, FIBULA)


def test_much_bone_without_a_name_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ribs and spine are no one bone."""
    monkeypatch.setattr(named_bones, "ONE_BONE_MM3", 9000.0)
    labels, hu = row()
    named = NamedLabels(bone(labels), (UNKNOWN,) * 3)
    found = part_named_bones(named, bone(hu), NETWORK)
    assert np.array_equal(found.named.labels.voxels, labels)


def test_bones_of_one_name_that_are_far_apart_are_two() -> None:
    """Both legs' tibiae where sides are unknown: the second does not join the first."""
    labels, hu = row()
    labels[labels == 2] = 0
    labels[labels == 3] = 2
    found = parted(labels, hu, TIBIA, TIBIA)
    assert np.array_equal(found.named.labels.voxels, labels)


def test_bones_of_the_leg_are_left_to_thickness_alone() -> None:
    labels, hu = row()
    hu[:, :, 20:22] = DARK
    named = NamedLabels(bone(labels), (TIBIA, TIBIA, FIBULA))
    found = part_named_bones(named, bone(hu), NETWORK)
    assert np.array_equal(found.named.labels.voxels, labels)
    assert not found.cuts


def test_no_bone_at_all_is_no_fragment() -> None:
    empty = np.zeros((5, 5, 5), dtype=np.uint8)
    assert (
        part_named_bones(
            NamedLabels(bone(empty), ()), bone(empty.astype(np.float32)), NETWORK
        ).named.names
        == ()
    )
