"""Cavities that bone encloses are filled, at the border of the field of view too."""

import numpy as np
import pytest

from afunet.reconstruction.cavities import without_cavities

INSIDE = [(False, False)] * 3


def tube(length: int = 8) -> np.ndarray:
    """A tube along the last axis, 9 × 9 outside and 5 × 5 inside, open at both ends."""
    bone = np.zeros((11, 11, length), dtype=np.bool_)
    bone[1:10, 1:10] = True
    bone[3:8, 3:8] = False
    return bone


def test_a_closed_cavity_is_filled_and_a_tunnel_is_not() -> None:
    bone = tube()
    assert np.array_equal(without_cavities(bone, INSIDE), bone)
    bone[:, :, [0, -1]] |= bone.any(axis=2)[:, :, None]
    bone[3:8, 3:8, [0, -1]] = True
    assert without_cavities(bone, INSIDE).sum() == 9 * 9 * 8


def test_a_shaft_that_leaves_the_field_of_view_has_no_opening_there() -> None:
    bone = tube()
    bone[3:8, 3:8, 0] = True
    cut = [(False, False), (False, False), (False, True)]
    assert without_cavities(bone, cut).sum() == 9 * 9 * 8
    away = [(False, False), (False, False), (True, False)]
    assert np.array_equal(without_cavities(bone, away), bone)


def test_a_shaft_that_leaves_across_an_edge_is_filled_too() -> None:
    """Half of the tube lies beyond the end of the first axis: its opening there has two sides."""
    half = tube()[:6]
    half[3:, 3:8, 0] = True
    cut = [(False, True), (False, False), (False, True)]
    assert without_cavities(half, cut).sum() == 5 * 9 * 8
    assert without_cavities(half, [(False, True), (False, False), (False, False)]).sum() < 5 * 9 * 8


@pytest.mark.parametrize("opening", [(0, 5), (5, 0)])
def test_a_cavity_with_a_hole_in_its_wall_is_open(opening: tuple[int, int]) -> None:
    bone = tube()
    bone[3:8, 3:8, [0, -1]] = True
    row, column = opening
    bone[slice(0, 3) if row == 0 else row, slice(0, 3) if column == 0 else column, 4] = False
    assert np.array_equal(without_cavities(bone, [(True, True)] * 3), bone)
