"""Windows around parts of a slice hold them with a margin, cost little and come in few sizes."""

from itertools import pairwise

import numpy as np
import pytest

from afunet.inference.cutting import (
    BLOCK_PX,
    LEAST_PX,
    MARGIN_PX,
    MOST_PX,
    OVERLAP_PX,
    STEP_PX,
    Box,
    boxes_around,
    cut_off,
    denser_than_muscle,
    not_air,
)


def blocks(*places: tuple[int, int, int, int], px: int = 512) -> np.ndarray:
    """One slice of `px` with these rows and columns (top, left, bottom, right) occupied."""
    occupied = np.zeros((1, px // BLOCK_PX, px // BLOCK_PX), dtype=np.bool_)
    for top, left, bottom, right in places:
        rows = slice(top // BLOCK_PX, bottom // BLOCK_PX)
        occupied[0, rows, left // BLOCK_PX : right // BLOCK_PX] = True
    return occupied


def holds(box: Box, top: int, left: int, bottom: int, right: int) -> bool:
    inside = box.top <= top and box.left <= left
    return inside and bottom <= box.top + box.rows and right <= box.left + box.columns


def test_a_part_gets_one_window_with_a_margin_in_steps() -> None:
    (box,) = boxes_around(blocks((200, 200, 280, 320)))
    assert box.size == (128, 192)  # 80 + 2 x 24 and 120 + 2 x 24, in steps of 32
    assert holds(box, 200 - MARGIN_PX, 200 - MARGIN_PX, 280 + MARGIN_PX, 320 + MARGIN_PX)


def test_no_window_is_smaller_than_the_crops_of_training_unless_the_slice_is() -> None:
    (box,) = boxes_around(blocks((200, 200, 204, 204)))
    assert box.size == (LEAST_PX, LEAST_PX)
    assert holds(box, 200, 200, 204, 204)
    (box,) = boxes_around(blocks((4, 4, 8, 8), px=96))
    assert box.size == (96, 96)


def test_two_legs_far_apart_get_a_window_each_and_two_close_together_share_one() -> None:
    far = boxes_around(blocks((200, 40, 280, 120), (200, 380, 280, 460)))
    assert [box.size for box in far] == [(128, 128), (128, 128)]
    near = boxes_around(blocks((200, 40, 280, 120), (200, 180, 280, 260)))
    assert [box.size for box in near] == [(128, 288)]


def test_many_parts_get_one_window() -> None:
    places = [
        (16 + 128 * i, 16 + 128 * j, 20 + 128 * i, 20 + 128 * j) for i in range(4) for j in range(4)
    ]
    assert len(boxes_around(blocks(*places))) == 1


@pytest.mark.parametrize("seed", range(8))
def test_every_occupied_block_lies_in_a_window_with_its_margin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    occupied = rng.random((3, 72, 88)) < 0.001
    occupied[0, 0, 0] = occupied[1, -1, -1] = True
    boxes = boxes_around(occupied)
    for index, row, column in np.argwhere(occupied) * (1, BLOCK_PX, BLOCK_PX):
        top, left = max(0, row - MARGIN_PX), max(0, column - MARGIN_PX)
        bottom = min(288, row + BLOCK_PX + MARGIN_PX)
        right = min(352, column + BLOCK_PX + MARGIN_PX)
        own = [box for box in boxes if box.index == index]
        assert any(holds(box, top, left, bottom, right) for box in own)
    for box in boxes:
        assert box.rows % STEP_PX == box.columns % STEP_PX == 0
        assert holds(
            Box(0, 0, 0, 288, 352),
            box.top,
            box.left,
            *map(sum, zip((box.top, box.left), box.size, strict=True)),
        )


def test_an_empty_slice_gets_no_window() -> None:
    assert boxes_around(np.zeros((4, 16, 16), dtype=np.bool_)) == []


def test_a_known_size_is_taken_if_it_wastes_little() -> None:
    large = blocks((100, 100, 420, 420))
    assert boxes_around(large)[0].size == (384, 384)
    assert boxes_around(large, used=[(416, 384)])[0].size == (416, 384)
    assert boxes_around(large, used=[(544, 384)])[0].size == (384, 384)  # larger than the slice


def test_slices_of_one_scan_share_sizes() -> None:
    shrinking = np.concatenate([blocks((100, 100, 420 - 8 * k, 420)) for k in range(9)])
    assert {box.size for box in boxes_around(shrinking)} == {(384, 384), (320, 384)}


def test_a_very_large_window_is_divided_into_few_overlapping_ones() -> None:
    boxes = boxes_around(blocks((32, 32, 1504, 700), px=1536))
    assert {box.columns for box in boxes} == {736}
    tops = sorted((box.top, box.top + box.rows) for box in boxes)
    assert len(tops) == 3
    assert all(end - start <= MOST_PX for start, end in tops)
    assert tops[0][0] == 0
    assert tops[-1][1] == 1536
    assert all(b[0] <= a[1] - OVERLAP_PX for a, b in pairwise(tops))


def test_air_is_not_occupied_and_a_pixel_of_fat_is() -> None:
    slices = np.zeros((2, 1, 32, 32), dtype=np.float32)
    slices[1, 0, 9, 14] = 0.1
    assert np.argwhere(not_air(slices)).tolist() == [[1, 2, 3]]


def test_a_thin_cortex_is_denser_than_muscle_and_noisy_muscle_is_not() -> None:
    hu = np.random.default_rng(0).normal(55, 30, (2, 1, 128, 128))
    hu[1, 0, 60, 32:64] = 900  # one pixel thick
    occupied = denser_than_muscle(((hu + 300) / 1600).astype(np.float32))
    assert not occupied[0].any()
    assert np.argwhere(occupied[1]).tolist() == [[15, column] for column in range(8, 16)]


def test_the_neighbours_that_a_network_sees_count_too() -> None:
    slices = np.zeros((1, 3, 32, 32), dtype=np.float32)
    slices[0, 2, 8:12, 8:12] = 0.8
    assert denser_than_muscle(slices).any()


def test_bone_at_the_edge_of_a_window_is_cut_off_unless_nothing_lies_beyond() -> None:
    bone, seen = np.zeros((4, 64, 64), dtype=np.bool_), np.zeros((4, 64, 64), dtype=np.bool_)
    boxes = [Box(index, 0, 0, 32, 32) for index in range(4)] + [Box(2, 0, 32, 32, 32)]
    for box in boxes:
        _, _, rows, columns = box.area
        seen[box.index, rows, columns] = True
    bone[0, 0, :31] = True  # at the edge of the slice
    bone[1, 10:31, 31] = True
    bone[2, 10:31, 31] = True  # where the next window begins
    bone[3, 31, 5] = True
    assert cut_off(bone, seen, boxes) == [1, 3]
