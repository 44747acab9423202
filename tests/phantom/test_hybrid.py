"""Bones broken virtually: a block of bone whose answers can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.fragments.broken_bone import BrokenBone
from afunet.geometry import Volume
from afunet.phantom.hybrid import broken, draw_break
from afunet.phantom.hybrid.plan import (
    Band,
    Break,
    Channel,
    Crack,
    Cut,
    Line,
    Motion,
    Rescan,
    Surface,
    SurfaceKind,
)
from afunet.phantom.hybrid.surfaces import height_map, value_at

LENGTH, WIDTH, FIRST = 40, 20, 6
MIDDLE = (FIRST + LENGTH / 2 - 0.5, FIRST + WIDTH / 2 - 0.5, FIRST + WIDTH / 2 - 0.5)
FINE, STILL, PLAIN = Rescan((1.0, 1.0, 1.0)), Motion(), Line()


def block(spongy_hu: float = 300.0, cortex_hu: float = 300.0) -> BrokenBone:
    """40 × 20 × 20 mm of bone at 1 mm, with a cortex of two voxels."""
    hu = np.zeros((LENGTH + 12, WIDTH + 12, WIDTH + 12), dtype=np.float32)
    bone = np.zeros(hu.shape, dtype=np.uint8)
    bone[FIRST : FIRST + LENGTH, FIRST : FIRST + WIDTH, FIRST : FIRST + WIDTH] = 1
    hu[bone > 0] = cortex_hu
    within = slice(FIRST + 2, FIRST + WIDTH - 2)
    hu[FIRST + 2 : FIRST + LENGTH - 2, within, within] = spongy_hu
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    return BrokenBone(Volume(hu, affine), Volume(bone, affine))


def across(at: tuple[float, float, float] = MIDDLE, rough_mm: float = 0.0) -> Surface:
    return Surface(SurfaceKind.SHEET, at, (1.0, 0.0, 0.0), 3, rough_mm)


def along(at: tuple[float, float, float] = MIDDLE) -> Surface:
    return Surface(SurfaceKind.SHEET, at, (0.0, 1.0, 0.0), 3, 0.0)


def halved(motion: Motion = STILL, line: Line = PLAIN, **more: object) -> BrokenBone:
    plan = Break(FINE, cuts=(Cut(across(), line=line),), motions=(motion,))
    return broken(block(), replace(plan, **more))  # type: ignore[arg-type]


def sizes(bone: BrokenBone) -> list[int]:
    return [int(count) for count in np.bincount(bone.fragments.voxels.ravel())[1:]]


def core(bone: BrokenBone) -> tuple[np.ndarray, np.ndarray]:
    """Labels and HU along the middle of the block, from its first bone voxel to its last."""
    row, column = (int(size) // 2 for size in bone.fragments.shape[1:])
    labels = bone.fragments.voxels[:, row, column]
    first, last = np.flatnonzero(labels)[[0, -1]]
    return labels[first : last + 1], bone.hu.voxels[first : last + 1, row, column]


def touching_faces(labels: np.ndarray, one: int, other: int) -> int:
    count = 0
    for axis in range(3):
        low, high = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        count += int(
            ((low == one) & (high == other)).sum() + ((low == other) & (high == one)).sum()
        )
    return count


def test_halves_that_do_not_move_touch_all_over_the_cut_and_keep_every_voxel() -> None:
    bone = halved()
    assert sizes(bone) == [LENGTH * WIDTH * WIDTH // 2] * 2
    assert touching_faces(bone.fragments.voxels, 1, 2) == WIDTH * WIDTH
    assert np.allclose(bone.hu.voxels[bone.fragments.voxels > 0], 300, atol=0.5)


def test_a_gap_is_as_wide_as_asked_and_outside_the_bone() -> None:
    bone = halved(Motion(apart_mm=3.0))
    labels, _ = core(bone)
    assert (labels == 0).sum() == 3
    assert sizes(bone) == [LENGTH * WIDTH * WIDTH // 2] * 2
    assert touching_faces(bone.fragments.voxels, 1, 2) == 0


def test_a_painted_gap_belongs_to_the_nearest_fragment_and_shows_blood() -> None:
    bone = halved(Motion(apart_mm=3.0), painted_mm=3.5, gap_hu=40.0)
    labels, hu = core(bone)
    assert labels.all()
    assert touching_faces(bone.fragments.voxels, 1, 2) >= WIDTH * WIDTH
    assert (np.abs(hu - 40) < 1).sum() == 3
    assert sum(sizes(bone)) == (LENGTH + 3) * WIDTH * WIDTH


def test_a_kerf_thinner_than_a_voxel_darkens_by_its_share() -> None:
    """Half a millimetre of 0 HU takes a quarter of each voxel beside the cut."""
    bone = halved(line=Line(kerf_mm=0.5), gap_hu=0.0)
    labels, hu = core(bone)
    assert len(labels) == LENGTH
    assert labels.all()
    assert hu[LENGTH // 2 - 1 : LENGTH // 2 + 1] == pytest.approx([225, 225], abs=1)
    thick = halved(line=Line(kerf_mm=1.5), gap_hu=0.0, painted_mm=2.0)
    assert core(thick)[1][LENGTH // 2 - 1] == pytest.approx(300 * 0.25, abs=2)


def test_impaction_shortens_the_bone_and_is_denser() -> None:
    bone = halved(Motion(apart_mm=-2.0), crush=0.5)
    labels, hu = core(bone)
    assert len(labels) == LENGTH - 2
    assert labels.all()
    assert hu.max() > 450
    assert np.median(hu) == pytest.approx(300, abs=1)
    assert sum(sizes(bone)) == (LENGTH - 2) * WIDTH * WIDTH


def test_a_line_may_be_brighter_or_darker_than_bone() -> None:
    for added in (-80.0, 80.0):
        _, hu = core(halved(line=Line(hu=added, fade_mm=1.0)))
        middle = hu[LENGTH // 2 - 1 : LENGTH // 2 + 1].mean()
        assert middle == pytest.approx(300 + added * np.exp(-0.125), abs=1)
        assert hu[3] == pytest.approx(300, abs=0.5)


def test_turning_opens_one_side_and_closes_the_other() -> None:
    bone = halved(Motion(apart_mm=1.5, turn_deg=(0.0, 0.0, 8.0)), painted_mm=0.5)
    labels = bone.fragments.voxels
    rows = [touching_faces(labels[:, row : row + 1], 1, 2) for row in range(labels.shape[1])]
    near, far = sorted((sum(rows[: len(rows) // 2]), sum(rows[len(rows) // 2 :])))
    assert near == 0
    assert far > WIDTH * WIDTH / 10


def test_a_later_cut_ends_at_an_earlier_one() -> None:
    """The T's stem divides the positive side only."""
    bone = broken(block(), Break(FINE, cuts=(Cut(across()), Cut(along(), cell=1))))
    half = LENGTH * WIDTH * WIDTH // 2
    assert sizes(bone) == [half, half // 2, half // 2]
    labels = bone.fragments.voxels
    assert touching_faces(labels, 1, 2) == touching_faces(labels, 1, 3) == WIDTH * WIDTH // 2
    assert touching_faces(labels, 2, 3) == LENGTH // 2 * WIDTH


def test_a_spiral_parts_a_shaft_in_two() -> None:
    surface = Surface(SurfaceKind.SPIRAL, MIDDLE, (1.0, 0.0, 0.0), 3, 0.0, size_mm=24.0)
    bone = broken(block(), Break(FINE, cuts=(Cut(surface),)))
    assert len(sizes(bone)) == 2
    assert min(sizes(bone)) == pytest.approx(LENGTH * WIDTH * WIDTH / 2, rel=0.02)
    assert touching_faces(bone.fragments.voxels, 1, 2) > 1.5 * WIDTH * WIDTH


def test_a_chip_has_the_volume_of_its_ball_inside_the_bone() -> None:
    at = (MIDDLE[0], MIDDLE[1], FIRST - 0.5)
    surface = Surface(SurfaceKind.BALL, at, (1.0, 0.0, 0.0), 3, 0.0, size_mm=6.0)
    bone = broken(block(), Break(FINE, cuts=(Cut(surface),)))
    assert sizes(bone)[1] == pytest.approx(2 / 3 * np.pi * 6**3, rel=0.03)


def test_a_piece_under_50_mm3_stays_with_its_neighbour() -> None:
    at = (MIDDLE[0], MIDDLE[1], FIRST - 0.5)
    surface = Surface(SurfaceKind.BALL, at, (1.0, 0.0, 0.0), 3, 0.0, size_mm=2.6)
    assert sizes(broken(block(), Break(FINE, cuts=(Cut(surface),)))) == [LENGTH * WIDTH * WIDTH]


def test_a_crack_that_ends_inside_leaves_one_fragment_and_a_dark_line() -> None:
    crack = Crack(across(), MIDDLE, (0.0, 1.0, 0.0), 1.0, 5.0, 60.0)
    bone = broken(block(), Break(FINE, cracks=(crack,), gap_hu=0.0))
    assert sizes(bone) == [LENGTH * WIDTH * WIDTH]
    slices = np.flatnonzero(bone.fragments.voxels.any(axis=(1, 2)))
    hu = bone.hu.voxels[slices[LENGTH // 2 - 1 : LENGTH // 2 + 1]]
    middle = hu.shape[1] // 2
    assert hu[:, middle - 7, middle] == pytest.approx([150, 150], abs=1)
    assert hu[:, middle + 7, middle] == pytest.approx([300, 300], abs=1)


def test_bands_and_channels_change_hu_and_no_label() -> None:
    band = Band(across(), hu=200.0, width_mm=1.0, reach_mm=50.0)
    course = ((FIRST + 8.0, FIRST, MIDDLE[2]), (FIRST + 8.0, FIRST + WIDTH, MIDDLE[2]))
    channel = Channel(course, radius_mm=1.5, hu=0.0, wall_hu=0.0)
    bone = broken(block(), Break(FINE, bands=(band,), channels=(channel,)))
    assert sizes(bone) == [LENGTH * WIDTH * WIDTH]
    _, hu = core(bone)
    assert hu[LENGTH // 2] > 450
    assert hu[8] < 80


def test_cortex_stays_cortex_between_voxels_and_under_blur() -> None:
    scan = Rescan((0.9, 0.9, 0.9), blur_mm=0.5)
    bone = broken(block(300, 1200), Break(scan, cuts=(Cut(across()),)))
    inside = bone.fragments.voxels > 0
    rim = inside & ~np.roll(inside, 1, axis=1)
    assert np.median(bone.hu.voxels[rim]) > 1100
    assert bone.hu.voxels[~inside].max() == 0


@pytest.mark.parametrize("spacing", [(0.5, 0.7, 0.7), (2.0, 0.6, 0.6), (3.0, 1.2, 1.2)])
def test_other_grids_keep_volume_and_place(spacing: tuple[float, float, float]) -> None:
    bone = broken(block(), Break(Rescan(spacing, blur_mm=0.4), cuts=(Cut(across()),)))
    volume = np.array(sizes(bone)) * np.prod(spacing)
    assert volume == pytest.approx(LENGTH * WIDTH * WIDTH / 2, rel=0.12)
    places = np.argwhere(bone.fragments.voxels > 0)[:, ::-1]
    middle = bone.fragments.to_mm(places).mean(axis=0)
    assert middle == pytest.approx(MIDDLE[::-1], abs=0.4)


def test_the_grid_keeps_the_axes_of_an_oblique_bone() -> None:
    bone, turn = block(), np.eye(4)
    turn[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    turn[:3, 3] = (5.0, -7.0, 11.0)
    placed = BrokenBone(Volume(bone.hu.voxels, turn), Volume(bone.fragments.voxels, turn))
    result = broken(placed, Break(FINE))
    assert np.allclose(result.hu.directions, placed.hu.directions)
    found = result.fragments.to_mm(np.argwhere(result.fragments.voxels > 0)[:, ::-1])
    asked = placed.fragments.to_mm(np.argwhere(placed.fragments.voxels > 0)[:, ::-1])
    assert found.mean(axis=0) == pytest.approx(asked.mean(axis=0), abs=1e-6)


def test_heights_are_self_affine() -> None:
    """Differences grow with distance to the power of the Hurst exponent."""
    heights = height_map(5, 0.8).astype(np.float64)
    rise = [np.sqrt(np.mean((np.roll(heights, lag) - heights) ** 2)) for lag in (1, 4)]
    assert np.log(rise[1] / rise[0]) / np.log(4) == pytest.approx(0.8, abs=0.08)


def test_a_rough_surface_leaves_its_plane_by_its_roughness() -> None:
    points = np.random.default_rng(1).uniform(-60, 60, (4000, 3)).astype(np.float32)
    points[:, 0] = 0
    heights = value_at(Surface(SurfaceKind.SHEET, (0, 0, 0), (1, 0, 0), 3, 1.5), points)
    assert heights.std() == pytest.approx(1.5, rel=0.3)


def test_a_bone_of_two_fragments_is_refused() -> None:
    with refused(GeometryError, "BAD_LABELS", "[0, 1, 2]"):
        broken(halved(), Break(FINE))


def test_the_same_seed_breaks_the_same_bone_the_same_way() -> None:
    one, other = (broken(block(), draw_break(np.random.default_rng(4), block())) for _ in range(2))
    assert np.array_equal(one.hu.voxels, other.hu.voxels)
    assert np.array_equal(one.fragments.voxels, other.fragments.voxels)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_drawn_is_a_bone_in_numbered_fragments(seed: int) -> None:
    bone = block(250, 1100)
    result = broken(bone, draw_break(np.random.default_rng(seed), bone, most_voxels=100_000))
    labels = result.fragments.voxels
    counts = np.bincount(labels.ravel())[1:]
    assert labels.dtype == np.uint8
    assert result.hu.voxels.dtype == np.float32
    assert (np.diff(counts) <= 0).all()
    assert counts.min() > 0
    assert np.isfinite(result.hu.voxels).all()
    assert not result.hu.voxels[labels == 0].any()


def test_a_bone_of_few_voxels_is_drawn_and_an_empty_one_refused() -> None:
    bone = block()
    bone.fragments.voxels[:] = 0
    with refused(GeometryError, "BAD_LABELS"):
        draw_break(np.random.default_rng(0), bone)
    bone.fragments.voxels[11:14, 11:14, 11:14] = 1
    for seed in range(6):
        result = broken(bone, draw_break(np.random.default_rng(seed), bone))
        assert result.fragments.voxels.max() == 1


def test_draws_are_varied() -> None:
    bone = block()
    bone.fragments.voxels[:, : FIRST + 8] = 0
    bone.fragments.voxels[:, :, : FIRST + 8] = 0
    plans = [draw_break(np.random.default_rng(seed), bone) for seed in range(60)]
    assert {len(plan.cuts) for plan in plans} >= {0, 1, 2, 3}
    kinds = {cut.surface.kind for plan in plans for cut in plan.cuts}
    assert kinds == set(SurfaceKind)
    apart = [plan.motions[0].apart_mm for plan in plans]
    assert min(apart) < -1
    assert max(apart) > 1.5
    assert any(plan.cracks for plan in plans)
