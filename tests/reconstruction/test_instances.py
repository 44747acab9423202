"""Pieces that touch are told apart; one piece stays one."""

import numpy as np
import pytest

from afunet import watch as watching
from afunet.errors import Cancelled, ConfigError, GeometryError
from afunet.geometry import Volume
from afunet.reconstruction.instances import SplitRules, split_instances
from afunet.watch import CancelToken, Watch

GRID = np.mgrid[:40, :40, :60].astype(float)


def volume(mask, spacing=(1.0, 1.0, 1.0)):
    return Volume(np.asarray(mask, dtype=np.uint8), np.diag([*spacing, 1.0]))


def ball(centre, radius):
    offsets = GRID - np.array(centre, dtype=float)[:, None, None, None]
    return np.sqrt((offsets**2).sum(axis=0)) < radius


def bar(radius, start=5, end=55):
    _, _, column = GRID
    return (np.hypot(GRID[0] - 20, GRID[1] - 20) < radius) & (column >= start) & (column < end)


def sizes(mask, **rules):
    labels = split_instances(volume(mask), SplitRules(**rules)).voxels
    assert np.array_equal(labels > 0, np.asarray(mask) > 0)
    return np.bincount(labels.ravel())[1:].tolist()


def test_a_ball_a_bar_and_a_plate_are_one_piece_each():
    assert len(sizes(ball((20, 20, 20), 12))) == 1
    assert len(sizes(bar(6))) == 1
    plate = np.zeros(GRID.shape[1:])
    plate[18:21, 4:36, 4:56] = 1
    assert len(sizes(plate)) == 1


def test_balls_that_touch_are_two_pieces_and_joined_ones_are_one():
    # Radius 10: the neck is 3 mm in half-width at 19 mm apart, and 8.7 mm at 10 mm.
    assert len(sizes(ball((20, 20, 20), 10) | ball((20, 20, 39), 10))) == 2
    assert len(sizes(ball((20, 20, 20), 10) | ball((20, 20, 30), 10))) == 1


def test_a_head_on_a_thinner_neck_is_one_bone():
    assert len(sizes(ball((20, 20, 14), 11) | bar(6, start=14))) == 1


@pytest.mark.parametrize("holes", [0.2, 0.5])
def test_a_fracture_line_with_holes_in_it_parts_the_bone(holes):
    bone = bar(9)
    gap = np.random.default_rng(0).random(GRID.shape[1:]) > holes
    bone[:, :, 30] &= ~gap[:, :, 30]
    first, second = sizes(bone)
    assert abs(first - second) < 400


def test_a_crack_through_a_quarter_of_the_bone_does_not():
    bone = bar(9)
    bone[:15, :, 30] = False
    assert len(sizes(bone)) == 1


def test_marrow_that_is_open_at_the_border_of_the_field_of_view_is_no_gap():
    shaft = bar(9, start=0)
    marrow = np.random.default_rng(0).random(GRID.shape[1:]) < 0.5
    marrow[:, :, 12:] = False
    marrow &= np.hypot(GRID[0] - 20, GRID[1] - 20) < 7
    assert len(sizes(shaft & ~marrow)) == 1
    inside = np.concatenate([np.zeros((40, 40, 1), dtype=bool), shaft & ~marrow], axis=2)
    assert int(split_instances(volume(inside)).voxels.max()) > 1


@pytest.mark.parametrize(("gap_hu", "pieces"), [(1180.0, 1), (50.0, 2)])
def test_a_gap_that_the_scan_shows_to_be_bone_is_none(gap_hu, pieces):
    whole, bone = bar(6), bar(6)
    bone[:, :, 28:33] &= GRID[0][:, :, 28:33] > 24
    scan = volume(bone).with_voxels(np.where(whole, np.where(bone, 1200.0, gap_hu), 50.0))
    assert len(sizes(bone)) == 2
    labels = split_instances(volume(bone), scan=scan).voxels
    assert int(labels.max()) == pieces
    assert np.array_equal(labels > 0, bone)


def test_a_scan_on_another_grid_is_refused():
    with pytest.raises(GeometryError):
        split_instances(volume(bar(6)), scan=volume(bar(6), (1.0, 1.0, 2.0)))


def test_small_pieces_in_the_open_are_kept_and_numbered_by_size():
    chip = np.zeros(GRID.shape[1:], dtype=bool)
    chip[2:4, 2:4, 2:4] = True
    chip[30, 2, 2] = True
    assert sizes(bar(6) | chip)[1:] == [8, 1]


def test_a_crumb_at_a_corner_is_part_of_what_it_meets():
    bone = np.zeros(GRID.shape[1:], dtype=bool)
    bone[10:30, 10:30, 10:30] = True
    bone[9, 9, 9] = bone[30, 30, 30] = True
    assert sizes(bone) == [8002]
    assert sizes(bone, smallest_mm3=0.5) == [8000, 1, 1]


def test_a_knob_below_the_stated_size_is_part_of_what_it_touches():
    knob = ball((20, 31.5, 30), 3.0)
    bone = bar(9)
    assert len(sizes(bone | knob, smallest_mm3=200)) == 1
    assert sizes(bone | knob, smallest_mm3=20, least_neck=0.9)[1:] != []


@pytest.mark.parametrize("slice_mm", [0.5, 3.0])
def test_slices_of_any_thickness_give_the_same_pieces(slice_mm):
    step = round(slice_mm / 0.5)
    fine = np.repeat(np.repeat(ball((20, 20, 20), 10) | ball((20, 20, 39), 10), 2, 0), 2, 2)
    mask = Volume(fine[::step].astype(np.uint8), np.diag([0.5, 1.0, slice_mm, 1.0]))
    assert int(split_instances(mask).voxels.max()) == 2


def test_nothing_one_voxel_and_everything():
    empty = np.zeros((3, 4, 5))
    assert not split_instances(volume(empty)).voxels.any()
    one = empty.copy()
    one[1, 2, 3] = 1
    assert sizes(one) == [1]
    assert sizes(np.ones((12, 13, 14))) == [12 * 13 * 14]
    assert sizes(np.ones((1, 20, 20))) == [400]


def test_the_same_mask_gives_the_same_labels_turned_or_not():
    pieces = ball((20, 20, 20), 10) | ball((20, 20, 39), 10)
    plain = split_instances(volume(pieces)).voxels
    mirrored = split_instances(volume(pieces[:, :, ::-1])).voxels[:, :, ::-1]
    assert ((plain == mirrored).mean() > 0.99) or ((plain == 3 - mirrored)[pieces].mean() > 0.99)


def test_it_can_be_cancelled():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        split_instances(volume(bar(6)), watch=Watch(cancel=token))


def test_cancelled_between_components_no_later_one_is_reported():
    token, seen = CancelToken(), []

    def stop_after_the_first(_stage, done, _total):
        seen.append(done)
        token.cancel()

    apart = ball((20, 20, 12), 5) | ball((20, 20, 28), 5) | ball((20, 20, 44), 5)
    with pytest.raises(Cancelled):
        split_instances(volume(apart), watch=Watch(stop_after_the_first, token))
    assert seen == [0]


def test_many_components_at_a_time_give_the_labels_that_one_at_a_time_gives(monkeypatch):
    rng = np.random.default_rng(0)
    scattered = ball((20, 20, 12), 9) | ball((20, 20, 30), 9.6) | (rng.random(GRID[0].shape) < 0.02)
    several = split_instances(volume(scattered)).voxels
    monkeypatch.setattr(watching, "WORKERS", 1)
    assert several.max() > 100
    assert np.array_equal(split_instances(volume(scattered)).voxels, several)


@pytest.mark.parametrize(
    "wrong", [{"least_contact": 1.2}, {"least_neck": 0.0}, {"reach_mm": -1.0}, {"smallest_mm3": -1}]
)
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        SplitRules(**wrong)
