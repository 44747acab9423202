"""Which pieces are of one leg, by how near they are and what their sides are."""

import numpy as np
import pytest

from afunet.inference.limbs import gaps_between, legs_of

FAR = np.inf


def gaps(*rows: list[float]) -> np.ndarray:
    """A symmetric matrix from its lower rows."""
    count = len(rows)
    found = np.full((count, count), FAR)
    for one, row in enumerate(rows):
        found[one, : len(row)] = found[: len(row), one] = row
    return found


def test_near_pieces_are_of_one_leg_and_far_ones_are_not() -> None:
    apart = gaps([], [5.0], [FAR, 28.0], [FAR, FAR, 31.0])
    assert legs_of([0.0] * 4, apart, within_mm=30, sure=1) == [[0, 1, 2], [3]]


def test_sides_that_differ_surely_are_not_joined_though_the_legs_touch() -> None:
    apart = gaps([], [2.0], [12.0, 30.0], [30.0, 12.0, 30.0])
    assert legs_of([3.0, -3.0, 0.2, -0.1], apart, within_mm=30, sure=1) == [[0, 2], [1, 3]]


def test_what_is_open_goes_with_the_nearer() -> None:
    apart = gaps([], [FAR], [9.0, 8.0])
    assert legs_of([3.0, -3.0, 0.0], apart, within_mm=30, sure=1) == [[0], [1, 2]]


def test_doubts_that_differ_do_not_part_a_leg() -> None:
    assert legs_of([0.9, -0.9], gaps([], [4.0]), within_mm=30, sure=1) == [[0, 1]]


def test_no_pieces_no_legs() -> None:
    assert legs_of([], np.zeros((0, 0)), within_mm=30, sure=1) == []


def test_gaps_are_least_distances_within_reach() -> None:
    rng = np.random.default_rng(3)
    clouds = [rng.uniform(0, 10, (40, 3)) + np.array([shift, 0, 0]) for shift in (0, 14, 26, 80)]
    found = gaps_between(clouds, within_mm=20)
    for one in range(4):
        for other in range(4):
            apart = clouds[one][:, None] - clouds[other]
            least = float(np.linalg.norm(apart, axis=2).min())
            expected = least if one != other and least < 20 else FAR
            assert found[one, other] == pytest.approx(expected)


def test_an_empty_cloud_is_near_nothing() -> None:
    assert (gaps_between([np.zeros((0, 3)), np.zeros((2, 3))], within_mm=20) == FAR).all()
