"""Rigid moves of points."""

import numpy as np
import pytest

from afunet.geometry.rigid import Rigid

QUARTER = Rigid.about((1.0, 0.0, 0.0), (0.0, 0.0, np.pi / 2), (0.0, 0.0, 5.0))


def test_a_turn_about_a_centre_leaves_the_centre_but_for_the_shift() -> None:
    assert QUARTER(np.array([1.0, 0.0, 0.0])) == pytest.approx((1.0, 0.0, 5.0))
    assert QUARTER(np.array([2.0, 0.0, 0.0])) == pytest.approx((1.0, 1.0, 5.0))


def test_a_move_and_its_inverse_leave_points_where_they_were() -> None:
    points = np.arange(12.0).reshape(4, 3)
    assert QUARTER.inverse()(QUARTER(points)) == pytest.approx(points)
    assert QUARTER.after(QUARTER.inverse())(points) == pytest.approx(points)


def test_moves_are_made_one_after_the_other() -> None:
    lift = Rigid(np.eye(3), np.array([1.0, 0.0, 0.0]))
    assert QUARTER.after(lift)(np.zeros(3)) == pytest.approx(QUARTER(lift(np.zeros(3))))


def test_the_rotation_vector_is_in_degrees() -> None:
    assert QUARTER.rotation_vector_deg == pytest.approx((0.0, 0.0, 90.0))
    assert QUARTER.angle_deg == pytest.approx(90.0)
    assert Rigid.still().angle_deg == 0
