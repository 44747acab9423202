"""Eq. 8 by hand, and its counts against counting pixel by pixel."""

import numpy as np
import pytest
import torch
from torch import Tensor

from afunet.data.bank import bank_of
from afunet.data.cases import SliceRecord
from afunet.data.crop import (
    ATTEMPTS,
    count_in_boxes,
    place_boxes,
    required_share,
    summed_area_tables,
    taken_attempt,
    taken_corners,
)
from afunet.data.slices import LabelledSlice

RECORD = SliceRecord.__new__(SliceRecord)  # who it is does not matter here


def random_mask(rows: int, columns: int, seed: int, share: float = 0.3) -> Tensor:
    drawn = np.random.default_rng(seed).random((rows, columns)) < share
    return torch.from_numpy(drawn.astype(np.uint8))


def places(seed: int, batch: int = 1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((batch, ATTEMPTS, 2)))


def counted(mask: Tensor, top: int, left: int, size: int) -> int:
    """Ones in the box, pixel by pixel; outside the mask there are none."""
    rows, columns = mask.shape
    return sum(
        int(mask[row, column])
        for row in range(max(top, 0), min(top + size, rows))
        for column in range(max(left, 0), min(left + size, columns))
    )


def boxes_of(mask: Tensor, side: int, drawn: Tensor) -> list[list[int]]:
    corners = place_boxes(torch.tensor([mask.shape]), torch.tensor([side]), drawn)
    return corners[0].tolist()


def taken(mask: Tensor, side: int, drawn: Tensor) -> list[int]:
    return taken_of([mask], [side], drawn)[0]


def taken_of(masks: list[Tensor], sides: list[int], drawn: Tensor) -> list[list[int]]:
    """The corners that eq. 8 takes in slices of a bank."""
    slices = [LabelledSlice(mask.numpy()[None], mask.numpy(), RECORD) for mask in masks]
    bank, chosen = bank_of(slices, torch.device("cpu")), torch.arange(len(masks))
    boxes = place_boxes(bank.sizes, torch.tensor(sides), drawn)
    counts, totals = bank.bone_in_boxes(chosen, boxes, torch.tensor(sides))
    return taken_corners(boxes, counts, totals).tolist()


def test_eq_8_asks_for_four_tenths_at_first_and_hardly_more_than_two_at_last() -> None:
    assert required_share(torch.tensor([1, 2, 4, 100])).tolist() == pytest.approx(
        [0.4, 0.3, 0.25, 0.202]
    )


def test_the_table_of_a_small_mask_is_its_running_sums() -> None:
    tables = summed_area_tables(torch.tensor([[[1, 0, 1], [0, 1, 1]]], dtype=torch.uint8))
    assert tables.tolist() == [[[0, 0, 0, 0], [0, 1, 1, 2], [0, 1, 2, 4]]]


def test_the_table_counts_beyond_255() -> None:
    assert summed_area_tables(torch.ones(1, 20, 30, dtype=torch.uint8))[0, -1, -1] == 600


@pytest.mark.parametrize("size", [1, 5, 9, 40])
def test_boxes_count_as_pixel_by_pixel_also_partly_and_wholly_outside(size: int) -> None:
    mask = random_mask(13, 17, seed=size)
    corners = [(top, left) for top in range(-12, 20, 3) for left in range(-45, 24, 4)]
    expected = [counted(mask, top, left, size) for top, left in corners]
    counts = count_in_boxes(
        summed_area_tables(mask[None]), torch.tensor([corners]), torch.tensor([size])
    )
    assert counts[0].tolist() == expected
    assert 0 in expected
    assert max(expected) > 0


def test_each_slice_of_a_batch_has_its_own_table_and_side() -> None:
    masks = torch.stack([random_mask(12, 12, seed=1), random_mask(12, 12, seed=2)])
    counts = count_in_boxes(
        summed_area_tables(masks), torch.tensor([[[2, 3]], [[1, 0]]]), torch.tensor([5, 8])
    )
    assert counts.tolist() == [[counted(masks[0], 2, 3, 5)], [counted(masks[1], 1, 0, 8)]]


def test_boxes_reach_every_place_inside_the_slice_and_none_outside() -> None:
    grid = torch.cartesian_prod(torch.linspace(0, 0.9999, 50), torch.linspace(0, 0.9999, 50))
    boxes = place_boxes(torch.tensor([[6, 5]]), torch.tensor([4]), grid[None].double())
    assert {tuple(box) for box in boxes[0].tolist()} == {(r, c) for r in range(3) for c in range(2)}


def test_a_slice_narrower_than_the_box_lies_anywhere_inside_it() -> None:
    boxes = place_boxes(torch.tensor([[9, 2]]), torch.tensor([4]), places(0).repeat(1, 5, 1))[0]
    assert set(boxes[:, 0].tolist()) == set(range(6))
    assert set(boxes[:, 1].tolist()) == {-2, -1, 0}


def test_a_slice_of_the_boxs_size_has_one_place() -> None:
    assert not place_boxes(torch.tensor([[4, 4]]), torch.tensor([4]), places(0)).any()


@pytest.mark.parametrize("seed", range(40))
def test_the_first_attempt_that_meets_eq_8_is_taken(seed: int) -> None:
    mask = torch.zeros(60, 80, dtype=torch.uint8)
    mask[5:20, 10:30] = 1
    mask[45:55, 60:75] = 1
    boxes = boxes_of(mask, 24, places(seed))
    shares = [counted(mask, top, left, 24) / 450 for top, left in boxes]
    first = next(i for i, share in enumerate(shares) if share >= 0.2 / (i + 1) + 0.2)
    assert taken(mask, 24, places(seed)) == boxes[first]


def test_the_requirement_falls_from_attempt_to_attempt() -> None:
    """Bone that no box holds 40 % of is refused at first, but not always by the last attempt."""
    counts, totals = torch.full((1, ATTEMPTS), 26), torch.tensor([100])
    # 0.2 / i + 0.2 ≤ 0.26 from attempt 4 on.
    assert taken_attempt(counts, totals).tolist() == [3]


def test_where_none_qualifies_the_attempt_with_most_bone_is_taken() -> None:
    mask = random_mask(90, 90, seed=2)  # scattered: a box of a ninth of the slice holds a ninth
    boxes = boxes_of(mask, 30, places(5))
    shares = [counted(mask, top, left, 30) / int(mask.sum()) for top, left in boxes]
    assert max(shares) < 0.2
    most = shares.index(max(shares))
    assert most != 0
    assert taken(mask, 30, places(5)) == boxes[most]


def test_of_attempts_with_equally_much_bone_the_first_is_taken() -> None:
    assert taken_attempt(torch.tensor([[1, 3, 2, 3]]), torch.tensor([100])).tolist() == [1]


def test_a_slice_without_bone_gives_the_first_attempt() -> None:
    mask = torch.zeros(50, 60, dtype=torch.uint8)
    assert taken(mask, 20, places(3)) == boxes_of(mask, 20, places(3))[0]


def test_a_slice_smaller_than_the_crop_is_all_inside_it() -> None:
    top, left = taken(torch.ones(10, 10, dtype=torch.uint8), 16, places(0))
    assert -6 <= top <= 0
    assert -6 <= left <= 0


def test_a_batch_takes_what_each_slice_would_take_alone() -> None:
    small, large = random_mask(30, 40, seed=3), random_mask(50, 60, seed=4)
    drawn = places(9, batch=2)
    corners = taken_of([small, large], [20, 35], drawn)
    assert corners == [taken(small, 20, drawn[:1]), taken(large, 35, drawn[1:])]
