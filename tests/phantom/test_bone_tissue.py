from dataclasses import replace

import numpy as np
import pytest

from afunet.anatomy.bones import Bone
from afunet.phantom import BoneQuality
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.tissue.bone_tissue import bone_hu


def mean_hu(
    quality: BoneQuality,
    heights_mm: tuple[float, float],
    depth_mm: float,
    bone: Bone = Bone.FEMUR,
) -> float:
    """Mean HU in a bone from z = 0 to 400 at a depth, far from other bones."""
    rng = np.random.default_rng(0)
    points = rng.uniform((-20, -20, heights_mm[0]), (20, 20, heights_mm[1]), (4000, 3))
    depth, other = np.full(4000, depth_mm, np.float32), np.full(4000, 60, np.float32)
    textures = Textures.draw(0)
    hu = bone_hu(bone, (0.0, 400.0), points, depth, other, quality, textures)
    return float(hu.mean())


def test_bone_lost_at_the_ends_is_faint_there_and_as_before_in_the_shaft() -> None:
    whole = BoneQuality()
    lost = replace(whole, end_loss=0.7)
    end, shaft = (5.0, 15.0), (190.0, 210.0)
    assert 200 < mean_hu(whole, end, 8.0) < 350
    assert 0 < mean_hu(lost, end, 8.0) < 0.6 * mean_hu(whole, end, 8.0)
    assert mean_hu(lost, shaft, 2.0) > 0.98 * mean_hu(whole, shaft, 2.0)


def test_patchy_bone_has_lost_less_than_all_of_it() -> None:
    plain, patchy = (mean_hu(BoneQuality(patchy=loss), (5.0, 25.0), 8.0) for loss in (0.0, 0.8))
    assert 20 < patchy < 0.85 * plain


@pytest.mark.parametrize("bone", Bone)
def test_every_bone_of_the_table_has_a_cortex_denser_than_what_is_in_it(bone: Bone) -> None:
    cortex, inside = (mean_hu(BoneQuality(), (180, 220), depth, bone) for depth in (0.2, 8.0))
    assert cortex > inside + 200
