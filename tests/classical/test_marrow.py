"""Cavities are filled, gaps are mended, and neighbours stay apart."""

import numpy as np
from numpy.typing import NDArray

from afunet.classical.marrow import whole_bones


def test_two_bones_a_narrow_joint_space_apart_stay_apart() -> None:
    dense = np.zeros((20, 40), dtype=np.bool_)
    dense[5:15, 5:18] = dense[5:15, 21:34] = True
    np.testing.assert_array_equal(whole_bones(dense, 4), dense)


def box_with_a_gap(width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A wall 2 pixels thick, open at its top, and the box that it should become."""
    box = np.zeros((30, 30), dtype=np.bool_)
    box[5:25, 5:25] = True
    wall = box.copy()
    wall[7:23, 7:23] = False
    wall[5:7, 12 : 12 + width] = False
    return wall, box


def test_a_gap_no_wider_than_the_radius_is_mended_and_the_cavity_filled() -> None:
    wall, box = box_with_a_gap(2)
    np.testing.assert_array_equal(whole_bones(wall, 2), box)


def test_a_gap_that_lets_the_disc_through_stays_open() -> None:
    wall, _ = box_with_a_gap(6)
    assert not whole_bones(wall, 2)[15, 15]


def test_an_open_angle_is_no_cavity() -> None:
    angle = np.zeros((30, 30), dtype=np.bool_)
    angle[5:25, 5:8] = angle[22:25, 5:25] = True
    np.testing.assert_array_equal(whole_bones(angle, 3), angle)
