"""Dense tissue in the joints is bright, lies where it should, and is never bone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afunet.errors import ConfigError
from afunet.phantom import (
    Anatomy,
    LegConfig,
    Region,
    SimulatedLeg,
    axial_grid,
    draw_leg,
    exact_joint_tissue,
    simulate,
)
from afunet.phantom.config import JointSpace, JointTissue, JointTissueKind
from afunet.phantom.drawing.joint_tissue import CHANCES, draw_joint_tissue
from afunet.phantom.shapes.noise import Textures
from afunet.phantom.skeleton.joint_frames import JointFrame
from afunet.phantom.tissue.joint_spaces import POCKETS, Pocket
from afunet.phantom.tissue.joint_tissue import Filling

CHANGED_HU = 60
KNEE = LegConfig(
    seed=3,
    grid=axial_grid((3, 72, 72), 2.0, 14.0, (95.0, 8.0, 16.0)),
    anatomy=Anatomy(surface_step_mm=1.6),
)


def with_tissue(config: LegConfig, *tissues: JointTissue) -> LegConfig:
    return replace(config, soft=replace(config.soft, joint_tissue=tissues))


def dense(kind: JointTissueKind, *spaces: JointSpace) -> JointTissue:
    return JointTissue(kind, spaces, hu=250.0, lobe_mm=1.0)


@pytest.fixture(scope="module")
def plain() -> SimulatedLeg:
    return simulate(KNEE)


def changed(leg: SimulatedLeg, plain: SimulatedLeg) -> np.ndarray:
    """Where it is brighter or darker than without the tissue, by more than blur does."""
    before, after = (one.volume.voxels.astype(np.int32) for one in (plain, leg))
    return np.abs(after - before) > CHANGED_HU


@pytest.mark.parametrize("kind", JointTissueKind)
def test_a_filled_notch_is_bright_and_the_truth_is_as_without_it(
    kind: JointTissueKind, plain: SimulatedLeg
) -> None:
    leg = simulate(with_tissue(KNEE, dense(kind, JointSpace.NOTCH)))
    assert np.array_equal(leg.fragments.volume.voxels, plain.fragments.volume.voxels)
    where = changed(leg, plain)
    assert where.sum() > 60
    index = np.argwhere(where)[:, ::-1].astype(float)
    across, behind, _ = np.abs(leg.volume.to_mm(index) - (95.0, 8.0, 16.0)).T
    assert across.max() < 25
    assert behind.max() < 45
    assert leg.signed_distance_mm(leg.volume.to_mm(index)).min() > -3


def test_without_tissue_or_on_the_other_side_nothing_changes(plain: SimulatedLeg) -> None:
    other = replace(dense(JointTissueKind.TOPHI, *JointSpace), side="right")
    leg = simulate(with_tissue(KNEE, other))
    assert np.array_equal(leg.volume.voxels, plain.volume.voxels)


def test_the_voxels_of_the_tissue_are_told_by_its_number_and_never_lie_in_bone(
    plain: SimulatedLeg,
) -> None:
    config = with_tissue(
        KNEE,
        dense(JointTissueKind.SYNOVIUM, JointSpace.NOTCH),
        dense(JointTissueKind.CONTRAST, JointSpace.CYST),
    )
    numbers = exact_joint_tissue(config).voxels
    assert set(np.unique(numbers)) == {0, 1, 2}
    assert not numbers[plain.bones.volume.voxels != 0].any()
    told, where = numbers != 0, changed(simulate(config), plain)
    assert (where & told).sum() > 0.8 * told.sum()
    assert not exact_joint_tissue(KNEE).voxels.any()


def filling(tissue: JointTissue, pocket: Pocket) -> Filling:
    frame = JointFrame("knee", "left", np.zeros(3), np.eye(3), 1.0)
    return Filling(tissue, frame, (pocket,), np.zeros(3, dtype=np.float32))


def ball(tissue: JointTissue, lines: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a ball of 20 mm 1 mm apart that it fills, its share and HU there.

    A flat bone lies below z = 0.
    """
    ticks = np.arange(-25, 26, 1.0, dtype=np.float32)
    points = np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
    textures, one = Textures.draw(0), filling(tissue, Pocket((0, 0, 0), (20, 20, 20), lines))
    muscle = np.full(len(points), -50, dtype=np.float32)
    where, share = one.found(points, points[:, 2], muscle, textures)
    return points[where], share, one.hu(points[where], textures)


def test_fill_is_about_the_share_of_a_space_that_is_filled() -> None:
    whole = 4 / 3 * np.pi * 20**3
    for fill in (0.3, 0.6, 1.0):
        tissue = JointTissue(JointTissueKind.SYNOVIUM, (), fill=fill, lobe_mm=0.0)
        assert ball(tissue)[1].sum() / whole == pytest.approx(fill, abs=0.15)


def test_a_lining_is_as_thick_as_it_should_be_and_leaves_the_cartilage() -> None:
    tissue = replace(dense(JointTissueKind.SYNOVIUM), lobe_mm=0.0, thick_mm=8.0, gap_mm=2.0)
    height = ball(tissue, lines=0.5)[0][:, 2]
    assert height.min() == 2
    assert height.max() == 4


def test_cells_settle_behind_and_fat_floats_in_front() -> None:
    blood = JointTissue(
        JointTissueKind.BLOOD,
        (),
        hu=90.0,
        host_hu=20.0,
        mixing=1.0,
        contrast=0.0,
        level_mm=5.0,
        fat_level_mm=-8.0,
    )
    points, _, hu = ball(blood)
    assert hu[points[:, 1] < -10].max() < -80
    between = hu[np.abs(points[:, 1] + 2) < 3]
    assert 10 < between.mean() < 45
    assert hu[points[:, 1] > 13].mean() > between.mean() + 20


def test_tophi_are_clumps_in_a_darker_host() -> None:
    tissue = replace(dense(JointTissueKind.TOPHI), contrast=0.0, mixing=0.6, host_hu=70.0)
    hu = ball(tissue)[2]
    assert hu.min() == pytest.approx(70)
    assert hu.max() == pytest.approx(250)
    assert 0.15 < (hu > 160).mean() < 0.6


def test_every_space_has_its_pockets() -> None:
    assert POCKETS.keys() == set(JointSpace)


def test_a_third_of_the_knees_and_a_tenth_of_hips_and_ankles_have_it() -> None:
    for region in Region:
        drawn = [draw_joint_tissue(seed, region) for seed in range(600)]
        share = sum(map(bool, drawn)) / len(drawn)
        assert share == pytest.approx(CHANCES.get(region, 0.0), abs=0.06)
        spaces = {space for tissues in drawn for one in tissues for space in one.spaces}
        if region in (Region.HIP, Region.ANKLE):
            assert spaces == {JointSpace(region.value)}
    knees = [draw_joint_tissue(seed, Region.KNEE, chance=1.0) for seed in range(200)]
    assert all(knees)
    assert {one.kind for tissues in knees for one in tissues} == set(JointTissueKind)
    only = draw_joint_tissue(5, Region.KNEE, chance=1.0, kind=JointTissueKind.TOPHI)
    assert [one.kind for one in only] == [JointTissueKind.TOPHI]


def test_all_else_of_a_leg_is_drawn_as_without_it() -> None:
    limb = [Path("limb.npz")]
    for seed in range(20):
        never, always = (draw_leg(seed, None, limb, joint_tissue=share) for share in (0.0, 1.0))
        assert with_tissue(always) == never


def test_tissue_that_fills_nothing_is_refused() -> None:
    with pytest.raises(ConfigError):
        JointTissue(JointTissueKind.BLOOD, (JointSpace.NOTCH,), fill=0.0)
