"""A foot of another person hangs below a leg, on the right side, and turns at the ankle."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree
from tests.refusals import refused

from afunet.errors import ConfigError, InputError
from afunet.geometry import Mesh
from afunet.phantom import Anatomy, Foot, LegConfig, Region, Source, draw_leg
from afunet.phantom.shapes.arrays import FloatArray
from afunet.phantom.skeleton.feet import foot_at, united
from afunet.phantom.skeleton.mesh_bones import load_limb

DATA = Path(os.environ.get("AFUNET_DATA", "../shared/data"))
FEET, LIMB = DATA / "shapes-foot" / "vhf-legs.npz", DATA / "shapes-llp26" / "sample00.npz"
NOTHING = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
present = pytest.mark.skipif(not (FEET.is_file() and LIMB.is_file()), reason="no shapes")


def foot_points(model: str, size: float = 1.0) -> tuple[FloatArray, FloatArray, Mesh]:
    bones = load_limb(LIMB, "left")
    foot, ankle = foot_at(FEET, model, bones["tibia left"], bones["fibula left"], size)
    return united(foot).vertices_mm, ankle, united(foot)


@present
@pytest.mark.parametrize("model", ["Left", "Right"])
def test_either_foot_lies_below_a_left_leg_with_the_toes_to_the_front(model: str) -> None:
    points, ankle, foot = foot_points(model)
    below, ahead = (points - ankle)[:, 2], -(points - ankle)[:, 1]
    assert -170 < below.min() < -60
    assert 90 < ahead.max() < 220
    assert 20 < -ahead.min() < 90  # the heel
    assert foot.is_watertight
    assert 150_000 < foot.volume_mm3 < 450_000


@present
def test_the_right_foot_is_mirrored_to_a_left_one() -> None:
    left, right = (foot_points(model)[0] - foot_points(model)[1] for model in ("Left", "Right"))
    apart = KDTree(left).query(right)[0].mean()
    assert apart < 10
    assert KDTree(left * (-1, 1, 1)).query(right)[0].mean() > apart


@present
def test_a_foot_grows_with_its_size() -> None:
    lengths = [np.ptp(foot_points("Left", size)[0], axis=0) for size in (1.0, 1.1)]
    assert lengths[1] == pytest.approx(1.1 * lengths[0])


def test_a_file_without_feet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "knee.npz"
    np.savez(path, Left_Patella_v=np.zeros((3, 3)), Left_Patella_f=np.zeros((1, 3), dtype=int))
    with refused(InputError, "NOT_A_LIMB", "Patella"):
        foot_at(path, "Left", NOTHING, NOTHING)


def test_each_leg_has_a_foot_or_none_has() -> None:
    limb = Anatomy(source=Source.LIMB_FILE, path=Path("limb.npz"))
    foot = Foot(Path("feet.npz"))
    assert LegConfig(anatomy=limb, feet=(foot,)).feet == (foot,)
    for anatomy, feet in ((limb, (foot, foot)), (Anatomy(), (foot,))):
        with pytest.raises(ConfigError):
            LegConfig(anatomy=anatomy, feet=feet)


def test_feet_change_nothing_else_that_is_drawn() -> None:
    limbs, feet = [Path("limb.npz")], [Path("feet.npz")]
    for seed in range(5):
        plain = draw_leg(seed, Region.SHANK, limbs)
        shod = draw_leg(seed, Region.SHANK, limbs, foot_files=feet)
        assert len(shod.feet) == len(shod.anatomy.sides)
        assert replace(shod, feet=()) == plain


def test_the_ankles_field_reaches_down_to_the_sole() -> None:
    limbs, feet = [Path("limb.npz")], [Path("feet.npz")]
    lowest = [
        min(
            draw_leg(seed, Region.ANKLE, limbs, foot_files=files).grid.matrix()[2, 3]
            for seed in range(20)
        )
        for files in ([], feet)
    ]
    assert lowest[1] < lowest[0] - 60
