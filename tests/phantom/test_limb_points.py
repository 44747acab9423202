"""Limbs as labelled points: what they are drawn from and where they lie."""

import os
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.phantom.shapes.capsules import Capsule, filled
from afunet.phantom.views.limb_points import Limb, draw_limbs, load_limb_points
from afunet.phantom.views.points import CLASSES, DRAWN, LEFT, OTHER, RIGHT, STEP_MM
from afunet.phantom.views.rough_bones import foot

DATA = Path(os.environ.get("AFUNET_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMB = DATA / "shapes-llp26" / "sample00.npz"


@pytest.fixture(scope="module")
def limb() -> Limb:
    if not LIMB.exists():
        pytest.skip(f"no LLP26 limb at {LIMB}: set AFUNET_DATA")
    return load_limb_points(LIMB)


def test_a_capsule_is_filled_with_points_of_its_volume() -> None:
    rod = Capsule(np.array([0.0, 0, 0]), np.array([0.0, 30, 40]), 8.0)
    points, depth = filled([rod], 1.0)
    assert len(points) == pytest.approx(np.pi * 8**2 * 50 + 4 / 3 * np.pi * 8**3, rel=0.02)
    assert depth.min() > 0
    assert depth.max() == pytest.approx(8, abs=0.5)


def test_a_point_in_two_capsules_is_there_once_and_as_deep_as_in_the_deeper() -> None:
    rods = [Capsule(np.zeros(3), np.array([10.0, 0, 0]), 4.0)] * 2
    rods.append(Capsule(np.zeros(3), np.zeros(3), 6.0))
    points, depth = filled(rods, 1.0)
    assert len(np.unique(points, axis=0)) == len(points)
    assert depth.max() == pytest.approx(6.0)


def test_the_toes_of_a_left_foot_lie_in_front_and_the_big_one_inside() -> None:
    bones = foot(np.random.default_rng(0))
    points, _ = filled(bones, 3.0)
    assert points[:, 1].min() < -120
    assert 30 < points[:, 1].max() < 70
    thickest = max(bones[7:], key=lambda bone: bone.radius_mm)  # of the rays
    assert thickest.end_mm[0] < points[:, 0].mean()


def test_a_limbs_bones_are_filled_and_its_joints_found(limb: Limb) -> None:
    volumes = {kind: len(points.mm) * STEP_MM**3 / 1000 for kind, points in limb.leg.items()}
    assert 350 < volumes["femur"] < 700  # cm³
    assert 200 < volumes["tibia"] < 450
    assert 25 < volumes["fibula"] < 90
    assert 8 < volumes["patella"] < 30
    assert limb.hip_mm[2] - limb.knee_mm[2] == pytest.approx(390, abs=60)
    assert limb.knee_mm[2] - limb.ankle_mm[2] == pytest.approx(350, abs=60)
    left = limb.pelvis.side == LEFT
    assert (limb.pelvis.mm[left, 0] > limb.middle_x_mm).mean() > 0.99


def test_drawn_limbs_lie_in_their_field_of_view_and_come_back_the_same(limb: Limb) -> None:
    limbs = 0
    for seed in range(20):
        drawn = draw_limbs([limb], np.random.default_rng(seed))
        again = draw_limbs([limb], np.random.default_rng(seed))
        assert np.array_equal(drawn.points.mm, again.points.mm)
        assert (drawn.points.mm >= np.float32(drawn.field.low_mm) - 1e-3).all()
        assert (drawn.points.mm <= np.float32(drawn.field.high_mm) + 1e-3).all()
        limbs += (drawn.points.bone != CLASSES.index(OTHER)).sum() > 20
    assert limbs > 14


def test_every_bone_is_drawn_on_both_sides_the_left_to_the_left(limb: Limb) -> None:
    seen: dict[tuple[int, int], int] = {}
    for seed in range(60):
        points = draw_limbs([limb], np.random.default_rng(seed)).points
        for kind in map(CLASSES.index, DRAWN[:-1]):
            for side in (LEFT, RIGHT):
                seen[kind, side] = seen.get((kind, side), 0) + int(
                    ((points.bone == kind) & (points.side == side)).any()
                )
        femur = points.bone == CLASSES.index("femur")
        left, right = (points.mm[femur & (points.side == side), 0] for side in (LEFT, RIGHT))
        if len(left) > 500 and len(right) > 500:
            assert left.mean() > right.mean()
    assert min(seen.values()) > 3


def test_a_file_that_is_no_limb_is_refused(tmp_path: Path) -> None:
    with refused(InputError, "NOT_A_LIMB", "x.npz"):
        load_limb_points(tmp_path / "x.npz")
