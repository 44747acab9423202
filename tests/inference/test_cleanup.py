"""What clean-up takes and fills, in pieces and mm³ counted by hand."""

from dataclasses import astuple

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import GeometryError
from afunet.geometry import Volume
from afunet.inference.cleanup import CleanUp, CleanUpRules, body_mask, clean_up
from afunet.preprocessing.orientation import Axial

AIR, TISSUE = -1000, 40


def grid(voxels: np.ndarray, spacing_mm: tuple[float, float, float]) -> Volume:
    """`spacing_mm` is (column, row, slice)."""
    return Volume(voxels, np.diag([*spacing_mm, 1.0]))


def disc(
    rows: int, columns: int, centre: tuple[float, float], radius: float, pixel: float = 1
) -> np.ndarray:
    """Pixels whose middle lies within `radius` mm of `centre` (row, column) in mm."""
    row, column = (np.mgrid[:rows, :columns] + 0.5) * pixel
    return np.asarray(np.hypot(row - centre[0], column - centre[1]) <= radius)


def limb(slices: int = 6, spacing_mm: tuple[float, float, float] = (1, 1, 3)) -> Volume:
    """A cylinder of tissue, 70 mm wide, in 100 × 100 pixels of air."""
    hu = np.full((slices, 100, 100), AIR, dtype=np.int16)
    hu[:, disc(100, 100, (50, 50), 35)] = TISSUE
    return grid(hu, spacing_mm)


def cleaned(
    bone: np.ndarray, scan: Volume, rules: CleanUpRules | None = None
) -> tuple[np.ndarray, CleanUp]:
    mask, done = clean_up(scan.with_voxels(bone.astype(np.uint8)), Axial.of(scan), rules)
    assert mask.same_grid(scan)
    assert mask.voxels.dtype == np.uint8
    assert mask.voxels.max(initial=0) <= 1
    return mask.voxels, done


def no_bone(scan: Volume) -> np.ndarray:
    return np.zeros(scan.shape, dtype=np.uint8)


def test_specks_go_and_a_fragment_of_just_the_limit_stays() -> None:
    scan = limb()  # 3 mm³ a voxel: the limit of 15 mm³ is five voxels
    bone = no_bone(scan)
    bone[1, 40, 40:44] = 1  # 12 mm³
    bone[3, 70, 60:62] = 1  # 6 mm³
    bone[2, 50, 40:45] = 1  # 15 mm³
    bone[4, 50:60, 50:60] = 1  # 300 mm³
    voxels, done = cleaned(bone, scan)
    bone[1, 40, 40:44] = bone[3, 70, 60:62] = 0
    assert np.array_equal(voxels, bone)
    assert astuple(done) == pytest.approx((2, 18, 0, 0, 0, 2, 15))


def test_a_speck_s_volume_counts_millimetres_not_voxels() -> None:
    bone = no_bone(limb())
    bone[2, 50, 50:54] = 1
    fine, thick = limb(spacing_mm=(1, 1, 3)), limb(spacing_mm=(1, 1, 4))
    assert cleaned(bone, fine)[1].specks_mm3 == pytest.approx(12)
    assert cleaned(bone, thick)[1].smallest_kept_mm3 == pytest.approx(16)


def test_voxels_that_touch_at_a_corner_are_one_piece() -> None:
    scan = limb()
    bone = no_bone(scan)
    for step in range(5):
        bone[step, 50 + step, 50 - step] = 1
    voxels, done = cleaned(bone, scan)
    assert np.array_equal(voxels, bone)
    assert (done.pieces_kept, done.smallest_kept_mm3) == pytest.approx((1, 15))


@pytest.mark.parametrize("pixel_mm", [0.5, 0.7, 0.84, 0.98, 1.0, 1.19, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("table_mm", [1, 4, 5])
def test_a_table_under_the_limb_is_taken_out_whatever_the_pixel(
    pixel_mm: float, table_mm: float
) -> None:
    size = round(120 / pixel_mm)
    hu = np.full((20, size, size), AIR, dtype=np.int16)
    hu[:, disc(size, size, (45, 60), 35, pixel_mm)] = TISSUE
    top = round(96 / pixel_mm)
    under = slice(top, top + max(1, round(table_mm / pixel_mm)))
    hu[:, under] = 200
    scan = grid(hu, (pixel_mm, pixel_mm, 3))
    table = np.zeros(scan.shape, dtype=bool)
    table[:, under, size // 3 : size // 2] = True
    limb_bone = np.zeros(scan.shape, dtype=bool)
    limb_bone[:, disc(size, size, (45, 60), 12, pixel_mm)] = True
    voxels, done = cleaned(table | limb_bone, scan)
    assert np.array_equal(voxels > 0, limb_bone)
    assert done.outside_removed == 1
    assert done.outside_mm3 == pytest.approx(table.sum() * 3 * pixel_mm**2)
    assert done.pieces_kept == 1


def test_bone_near_the_skin_and_at_the_edge_of_the_field_of_view_stays() -> None:
    hu = np.full((6, 60, 100), AIR, dtype=np.int16)
    hu[:, disc(60, 100, (50, 50), 35)] = TISSUE  # cut off by the lower edge
    scan = grid(hu, (1, 1, 3))
    bone = no_bone(scan)
    bone[:, 17:21, 47:53] = 1  # 2 mm under the skin, like a shin
    bone[:, 55:60, 40:60] = 1  # runs out of the image
    voxels, done = cleaned(bone, scan)
    assert np.array_equal(voxels, bone)
    assert (done.outside_removed, done.pieces_kept) == (0, 2)


def test_a_piece_half_inside_stays_and_one_less_than_half_inside_goes() -> None:
    scan = limb()
    row = 50
    scan.voxels[:, row - 2 : row + 3, 75:] = TISSUE  # a strap, so that the piece does not lie bare
    body, step = body_mask(scan)
    assert step == (1, 3, 3)
    inside = body[0, row // 3][np.arange(100) // 3]
    edge = int(np.flatnonzero(inside)[-1]) + 1  # first column outside
    for columns, outside in (((edge - 5, edge + 5), 0), ((edge - 4, edge + 6), 1)):
        bone = no_bone(scan)
        bone[:, row, slice(*columns)] = 1
        assert cleaned(bone, scan)[1].outside_removed == outside


def test_where_no_body_is_found_nothing_is_outside() -> None:
    scan = grid(np.full((3, 20, 20), AIR, dtype=np.int16), (1, 1, 3))
    bone = no_bone(scan)
    bone[:, 5:10, 5:10] = 1
    voxels, done = cleaned(bone, scan)
    assert np.array_equal(voxels, bone)
    assert done.outside_removed == 0


def test_a_scan_of_tissue_from_edge_to_edge_has_its_bone_inside() -> None:
    scan = grid(np.full((3, 60, 60), TISSUE, dtype=np.int16), (1, 1, 3))
    bone = no_bone(scan)
    bone[:, 0:4, 20:30] = bone[:, 55:60, 20:30] = bone[:, 20:30, 0:4] = bone[:, 0:5, 56:60] = 1
    assert cleaned(bone, scan)[1].outside_removed == 0


def test_an_empty_mask_stays_empty() -> None:
    voxels, done = cleaned(no_bone(limb()), limb())
    assert not voxels.any()
    assert astuple(done) == (0, 0, 0, 0, 0, 0, 0)


def test_a_mask_of_nothing_but_specks_becomes_empty() -> None:
    bone = no_bone(limb())
    bone[2, 50, 50] = 1
    voxels, done = cleaned(bone, limb())
    assert not voxels.any()
    assert astuple(done) == pytest.approx((1, 3, 0, 0, 0, 0, 0))


def test_a_volume_of_nothing_but_bone_stays_whole() -> None:
    scan = grid(np.full((3, 10, 12), 900, dtype=np.int16), (2, 2, 2))
    voxels, done = cleaned(np.ones(scan.shape), scan)
    assert voxels.all()
    assert astuple(done) == pytest.approx((0, 0, 0, 0, 0, 1, 360 * 8))


def test_one_slice_is_a_volume_too() -> None:
    scan = limb(slices=1)
    bone = no_bone(scan)
    bone[0, 40:60, 40:60] = 1
    bone[0, 50, 50] = 0  # a hole of 1 mm²
    bone[0, 30, 50] = 1  # a speck of 3 mm³
    bone[0, 2:8, 2:8] = 1  # in the air
    voxels, done = cleaned(bone, scan)
    expected = no_bone(scan)
    expected[0, 40:60, 40:60] = 1
    assert np.array_equal(voxels, expected)
    assert astuple(done) == pytest.approx((1, 3, 1, 108, 3, 1, 399 * 3))


def test_closed_cavities_are_filled_whatever_their_size_and_counted() -> None:
    scan = limb(slices=9)
    bone = no_bone(scan)
    bone[1:8, 35:65, 35:65] = 1
    bone[2:7, 40:60, 40:60] = 0  # 5 · 20 · 20 voxels of 3 mm³, far more than 40 mm² a slice
    voxels, done = cleaned(bone, scan)
    assert voxels[1:8, 35:65, 35:65].all()
    assert voxels.sum() == 7 * 30 * 30
    assert done.filled_mm3 == pytest.approx(5 * 400 * 3)
    # As predicted, before the filling.
    assert done.smallest_kept_mm3 == pytest.approx((6300 - 2000) * 3)


def test_a_cavity_that_reaches_the_outside_only_over_corners_is_closed() -> None:
    scan = limb(slices=9)
    bone = no_bone(scan)
    bone[1:8, 35:65, 35:65] = 1
    bone[2:7, 40:60, 40:60] = 0
    diagonal = np.arange(35, 40)
    bone[4, diagonal, diagonal] = 0  # from the cavity's corner to the block's
    voxels, done = cleaned(bone, scan)
    assert voxels.sum() == 7 * 30 * 30 - 1  # all but the block's own corner
    assert done.filled_mm3 == pytest.approx((5 * 400 + 4) * 3)


def test_a_chamber_whose_shaft_is_closed_is_filled_too() -> None:
    bone = np.zeros((8, 100, 100), dtype=bool)
    bone[1:7, 35:65, 35:65] = True
    bone[2:5, 42:58, 42:58] = False  # 256 mm² a slice: no small hole
    bone[5:, 50, 50] = False  # a shaft from the chamber to the outside, closed as a small hole
    voxels, done = cleaned(bone, limb(8))
    assert voxels[1:7, 35:65, 35:65].all()
    assert done.filled_mm3 == pytest.approx((3 * 16 * 16 + 2) * 3)


def test_a_loose_speck_in_a_cavity_is_swallowed_by_the_filling() -> None:
    scan = limb(slices=5)
    bone = no_bone(scan)
    bone[:, 40:60, 40:60] = 1
    bone[1:4, 45:55, 45:55] = 0
    bone[2, 50, 50] = 1
    voxels, done = cleaned(bone, scan)
    assert voxels[:, 40:60, 40:60].all()
    assert (done.specks_removed, done.filled_mm3) == pytest.approx((1, 900))


@pytest.mark.parametrize(("side", "filled"), [(6, True), (7, False)])
def test_a_tube_open_at_both_ends_keeps_a_bore_of_more_than_40_mm2(side: int, filled: bool) -> None:
    scan = limb()
    bone = no_bone(scan)
    bone[:, 40:60, 40:60] = 1
    bone[:, 45 : 45 + side, 45 : 45 + side] = 0  # 36 mm² or 49 mm²
    voxels, done = cleaned(bone, scan)
    assert voxels[:, 45 : 45 + side, 45 : 45 + side].all() == filled
    assert done.filled_mm3 == pytest.approx(6 * side * side * 3 if filled else 0)


def test_a_hole_of_exactly_the_limit_is_filled_on_anisotropic_pixels() -> None:
    scan = limb(spacing_mm=(0.5, 1, 3))  # half a mm² a pixel
    bone = no_bone(scan)
    bone[:, 30:70, 30:70] = 1
    bone[:, 40:48, 40:50] = 0  # 80 pixels, 40 mm²
    bone[:, 55:64, 40:49] = 0  # 81 pixels, 40.5 mm²
    voxels, done = cleaned(bone, scan)
    assert voxels[:, 40:48, 40:50].all()
    assert not voxels[:, 55:64, 40:49].any()
    assert done.filled_mm3 == pytest.approx(6 * 80 * 1.5)


def test_a_gap_that_opens_to_the_outside_is_no_hole() -> None:
    scan = limb()
    bone = no_bone(scan)
    bone[:, 40:60, 40:60] = 1
    bone[:, 50, 40:52] = 0  # a fracture line from the left
    voxels, done = cleaned(bone, scan)
    assert np.array_equal(voxels, bone)
    assert done.filled_mm3 == 0


def test_volumes_are_in_mm3_on_any_grid() -> None:
    spacing = (0.5, 0.75, 4.0)  # 1.5 mm³ a voxel
    scan = grid(np.full((5, 120, 120), TISSUE, dtype=np.int16), spacing)
    bone = no_bone(scan)
    bone[1:4, 40:60, 40:70] = 1
    bone[2, 50, 50] = 0
    bone[2, 100, 100:109] = 1  # 13.5 mm³
    done = cleaned(bone, scan)[1]
    assert astuple(done) == pytest.approx((1, 13.5, 0, 0, 1.5, 1, (3 * 20 * 30 - 1) * 1.5))


def test_rules_can_be_switched_off() -> None:
    scan = limb()
    bone = no_bone(scan)
    bone[2, 50, 50] = 1
    bone[2, 5, 5] = 1
    bone[3, 60:63, 60:63] = 1
    bone[3, 61, 61] = 0
    keep_all = CleanUpRules(speck_mm3=0, least_inside=0, hole_mm2=0)
    voxels, done = cleaned(bone, scan, keep_all)
    bone[3, 61, 61] = 0
    assert np.array_equal(voxels, bone)
    assert done.pieces_kept == 3


def test_cleaning_twice_changes_nothing_more() -> None:
    scan = limb()
    rng = np.random.default_rng(0)
    bone = (rng.random(scan.shape) < 0.15) | (np.roll(scan.voxels, 5, 1) > 0) & (
        rng.random(scan.shape) < 0.7
    )
    once, _ = cleaned(bone, scan)
    twice, done = cleaned(once, scan)
    assert np.array_equal(once, twice)
    assert (done.specks_removed, done.outside_removed, done.filled_mm3) == (0, 0, 0)


def test_neither_input_is_changed() -> None:
    scan = limb()
    bone = no_bone(scan)
    bone[1:5, 40:60, 40:60] = 1
    bone[2, 50, 50] = 0
    bone[0, 3, 3] = 1
    mask, hu = scan.with_voxels(bone.copy()), scan.voxels.copy()
    clean_up(mask, Axial.of(scan))
    assert np.array_equal(mask.voxels, bone)
    assert np.array_equal(scan.voxels, hu)


def test_a_mask_on_another_grid_is_refused() -> None:
    with refused(GeometryError, "OTHER_GRID"):
        clean_up(grid(no_bone(limb()), (1, 1, 2)), Axial.of(limb()))


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 3.0), (0.5, 0.5, 1.5), (2.0, 2.0, 5.0)])
def test_a_limb_is_body_to_its_skin_and_hardly_beyond(
    spacing_mm: tuple[float, float, float],
) -> None:
    size = round(100 / spacing_mm[0])
    hu = np.full((4, size, size), AIR, dtype=np.int16)
    skin = disc(size, size, (50, 50), 35, spacing_mm[0])
    hu[:, skin] = TISSUE
    body, step = body_mask(grid(hu, spacing_mm))
    fine = body.repeat(step[0], 0).repeat(step[1], 1).repeat(step[2], 2)[:4, :size, :size]
    beyond = disc(size, size, (50, 50), 46, spacing_mm[0])
    assert fine[:, skin].all()
    assert not fine[:, ~beyond].any()


def test_a_finger_alone_is_a_body() -> None:
    hu = np.full((20, 60, 60), AIR, dtype=np.int16)
    hu[:, disc(60, 60, (30, 30), 7.5)] = TISSUE  # 15 mm wide
    body, _ = body_mask(grid(hu, (1, 1, 3)))
    assert body[:, 10, 10].all()


def test_fingers_that_hang_on_a_hand_are_body_beside_a_thigh() -> None:
    hu = np.full((40, 160, 240), AIR, dtype=np.int16)
    hu[:, disc(160, 240, (80, 80), 70)] = TISSUE  # the thigh
    hu[:20, 60:100, 170:230] = TISSUE  # a palm
    for column in (178, 193, 208, 223):
        hu[20:, disc(160, 240, (80, column), 7.5)] = TISSUE  # four fingers
    body, _ = body_mask(grid(hu, (1, 1, 3)))
    assert body[30, 80 // 3, [178 // 3, 193 // 3, 208 // 3, 223 // 3]].all()


@pytest.mark.parametrize("slices", [1, 5, 40])
@pytest.mark.parametrize("small_mm", [15, 20, 40])
def test_a_small_limb_beside_a_thigh_keeps_its_bone_in_stacks_of_any_height(
    slices: int, small_mm: int
) -> None:
    hu = np.full((slices, 160, 240), AIR, dtype=np.int16)
    small = disc(160, 240, (80, 195), small_mm / 2)
    hu[:, small | disc(160, 240, (80, 80), 70)] = TISSUE
    scan = grid(hu, (1, 1, 1))
    bone = no_bone(scan)
    bone[:, disc(160, 240, (80, 80), 15) | disc(160, 240, (80, 195), small_mm / 4)] = 1
    voxels, done = cleaned(bone, scan)
    assert np.array_equal(voxels, bone)
    assert (done.outside_removed, done.pieces_kept) == (0, 2)


def test_a_table_and_a_cast_are_not_body() -> None:
    scan = limb()
    hu = scan.voxels.copy()
    hu[:, 92:96] = 200  # a table
    ring = disc(100, 100, (50, 50), 44) & ~disc(100, 100, (50, 50), 40)
    hu[:, ring] = 300  # a cast, 4 mm thick, 5 mm off the skin
    body, _ = body_mask(scan.with_voxels(hu))
    assert not body[:, 93 // 3].any()
    assert body[:, 50 // 3, 50 // 3].all()
    assert not body[:, 50 // 3, 5 // 3].any()


def test_air_inside_the_body_is_body() -> None:
    scan = limb()
    hu = scan.voxels.copy()
    hu[:, disc(100, 100, (50, 50), 12)] = AIR  # bowel gas
    body, _ = body_mask(scan.with_voxels(hu))
    assert body[:, 50 // 3, 50 // 3].all()


def test_a_scan_of_air_has_no_body() -> None:
    body, _ = body_mask(grid(np.full((2, 30, 30), AIR, dtype=np.int16), (1, 1, 3)))
    assert not body.any()


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0)])
def test_the_stored_order_of_the_axes_does_not_matter(order: tuple[int, int, int]) -> None:
    """A coronal or sagittal series of the same leg is cleaned like the axial one."""
    hu = np.full((40, 100, 100), AIR, dtype=np.int16)
    hu[:, disc(100, 100, (45, 50), 30)] = TISSUE
    hu[:, 85:89] = 200  # the table
    scan = grid(hu, (1, 1, 1))
    bone = no_bone(scan)
    bone[:, 35:55, 40:60] = 1
    bone[:, 42:47, 47:52] = 0  # a marrow canal of 25 mm², open at both ends
    bone[5:30, 85:89, 40:60] = 1
    voxels, done = cleaned(bone, scan)
    affine = scan.affine[:, [*order, 3]]  # axis 0 of the array is index axis 2
    axes = tuple(2 - order[2 - axis] for axis in range(3))
    turned = Axial.of(Volume(scan.voxels.transpose(axes), affine))
    turned_mask = turned.turned(Volume(bone.transpose(axes), affine))
    cleaned_mask, turned_done = clean_up(turned_mask, turned)
    assert np.array_equal(turned.restored(cleaned_mask).voxels, voxels.transpose(axes))
    assert astuple(turned_done) == pytest.approx(astuple(done))
