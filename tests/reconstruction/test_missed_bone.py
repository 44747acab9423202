"""A gap in a mask is missed bone if the CT shows bone or marrow in it."""

import numpy as np
import pytest

from afunet.reconstruction.missed_bone import with_missed_bone

CORTEX, BLOOD, FAT = 1200.0, 50.0, -80.0


def filled(gap_hu: float, voxels: int, bone_hu: float = CORTEX, axis: int = 2) -> bool:
    """Whether a gap of so many millimetres across a bar is filled; all of it or nothing is."""
    bone = np.zeros((7, 7, 40), dtype=np.bool_)
    bone[1:6, 1:6, 2:38] = True
    gap = np.s_[:, :, 10 : 10 + voxels]
    hu = np.where(bone, bone_hu, BLOOD)
    hu[gap] = gap_hu
    whole = bone.copy()
    bone[gap] = False
    bone, hu = np.moveaxis(bone, 2, axis), np.moveaxis(hu, 2, axis)
    found = with_missed_bone(bone, hu, (1.0, 1.0, 1.0))
    assert np.array_equal(found, bone) or np.array_equal(found, np.moveaxis(whole, 2, axis))
    return bool(found.sum() > bone.sum())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_as_bright_as_the_bone_beside_it_is_bone(axis: int) -> None:
    assert filled(CORTEX - 20, 1, axis=axis)
    assert filled(CORTEX - 20, 10, axis=axis)
    assert not filled(CORTEX - 20, 11, axis=axis)


def test_a_fracture_is_a_gap_however_little_darker() -> None:
    assert not filled(BLOOD, 1)
    assert not filled(BLOOD, 1, bone_hu=80.0)
    assert not filled(CORTEX / 2, 1)  # half of the voxel is blood
    assert not filled(190.0, 1, bone_hu=210.0)


def test_a_joint_between_spongy_bones_is_a_gap() -> None:
    assert not filled(500.0, 1, bone_hu=520.0)


def test_a_thin_gap_of_fat_is_marrow() -> None:
    assert filled(FAT, 2)
    assert not filled(FAT, 3)


def test_noise_of_one_voxel_leaves_its_line_open() -> None:
    bone = np.ones((1, 1, 12), dtype=np.bool_)
    bone[0, 0, 4:8] = False
    hu = np.full(bone.shape, CORTEX)
    hu[0, 0, 5] = BLOOD
    assert np.array_equal(with_missed_bone(bone, hu, (1.0, 1.0, 1.0)), bone)


def test_no_bone_has_no_gaps() -> None:
    none = np.zeros((2, 3, 4), dtype=np.bool_)
    assert not with_missed_bone(none, np.full(none.shape, CORTEX), (1.0, 1.0, 1.0)).any()
