"""Cuts through whole limbs: what they show and on which voxels."""

import os
from pathlib import Path

import numpy as np
import pytest

from afunet.phantom.shapes.capsules import Capsule
from afunet.phantom.shapes.distance import Box
from afunet.phantom.shapes.solids import CapsuleSolid
from afunet.phantom.views.limb_cuts import (
    PIXELS_MM,
    SHORTEST_MM,
    SLICES_MM,
    Cut,
    LimbBone,
    Plan,
    draw_cut,
    draw_person,
    sampled,
)
from afunet.phantom.views.not_legs import KINDS, beside_trunk
from afunet.phantom.views.points import OTHER

DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB, FEET = DATA / "shapes-llp26" / "sample00.npz", DATA / "shapes-foot" / "vhf-legs.npz"


def rod(x: float, low: float, high: float) -> LimbBone:
    ends = (np.array([x, 0.0, low]), np.array([x, 0.0, high]))
    return LimbBone("femur", "left", CapsuleSolid([Capsule(*ends, 10.0)]))


def test_each_voxel_has_the_number_of_its_bone_and_lies_where_it_is() -> None:
    bones = [rod(0, 0, 100), rod(50, 0, 40)]
    labels = sampled(bones, Cut(Box((-20, -20, 20), (80, 20, 80)), (1.0, 1.0, 2.0)))
    assert labels.shape == (30, 40, 100)
    assert labels.origin_mm.tolist() == [-19.5, -19.5, 21.0]
    for number, (x, most_z) in enumerate(((0, 80), (50, 50)), start=1):
        mm = labels.to_mm(np.argwhere(labels.voxels == number)[:, ::-1])
        assert np.abs(mm[:, 0] - x).max() < 10
        assert mm[:, 2].max() < most_z
    assert (labels.voxels == 1).sum() * 2 == pytest.approx(np.pi * 100 * 60, rel=0.02)


def test_cuts_are_of_any_length_and_show_bone_most_of_the_time() -> None:
    bones = [rod(0, 0, 400), rod(60, 450, 800)]
    rng = np.random.default_rng(1)
    cuts = [draw_cut(bones, rng, 300_000) for _ in range(60)]
    lengths = [cut.field.high_mm[2] - cut.field.low_mm[2] for cut in cuts]
    assert min(lengths) >= SHORTEST_MM - 1e-9
    assert min(lengths) < 12
    assert max(lengths) > 700
    for cut in cuts:
        column, row, slice_mm = cut.spacing_mm
        assert PIXELS_MM[0] <= column == row <= PIXELS_MM[1]
        assert slice_mm <= SLICES_MM[1]
    assert sum(bool(sampled(bones, cut).voxels.any()) for cut in cuts) > 50


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_leg_has_no_bone_of_one_and_fills_something(kind: str) -> None:
    bones = KINDS[kind](np.random.default_rng(2))
    assert {bone.kind for bone in bones} == {OTHER}
    ends = np.array([bone.solid.bounds_mm() for bone in bones])
    field = Box.around(np.array([ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)]))
    labels = sampled(bones, Cut(field, (2.5, 2.5, 2.5)))
    assert len(np.unique(labels.voxels)) - 1 > 0.8 * len(bones)


def test_what_lies_beside_a_trunk_is_of_no_leg() -> None:
    found = [
        bone for seed in range(8) for bone in beside_trunk(np.zeros(3), np.random.default_rng(seed))
    ]
    assert found
    assert {str(bone) for bone in found} == {OTHER}


@pytest.mark.skipif(not (LIMB.exists() and FEET.exists()), reason="no limbs: set AFUNET_DATA")
@pytest.mark.parametrize("foot", ["Left", "Right"])
def test_a_person_has_both_sides_with_the_feet_below_and_in_front(foot: str) -> None:
    bones = draw_person(LIMB, FEET, Plan(foot=foot), np.random.default_rng(5))
    middle = {str(bone): np.mean(bone.solid.bounds_mm(), axis=0) for bone in bones}
    single = {
        f"{kind} {side}"
        for kind in ("femur", "tibia", "fibula", "patella", "foot", "pelvis")
        for side in ("left", "right")
    }
    assert set(middle) == single | {"pelvis"}
    for kind in ("femur", "tibia", "fibula", "pelvis"):
        assert middle[f"{kind} left"][0] > middle[f"{kind} right"][0]
    toes = [bone for bone in bones if bone.kind == "foot"]
    for side in ("left", "right"):
        feet = [np.mean(bone.solid.bounds_mm(), axis=0) for bone in toes if bone.side == side]
        heel, front, shank = feet[0], feet[6], middle[f"tibia {side}"]
        assert heel[2] < shank[2]
        assert np.cross(shank - heel, front - heel)[0] > 0  # however far the knee is bent
        outward = 1 if side == "left" else -1
        assert outward * (middle[f"fibula {side}"][0] - middle[f"tibia {side}"][0]) > 0
