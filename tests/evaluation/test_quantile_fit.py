"""Lines and percentiles whose answer is known."""

import numpy as np
import pytest

from afunet.evaluation.quantile_fit import conformal_percentile, quantile_line


def test_a_line_through_all_points_is_found_for_every_share() -> None:
    columns = np.array([[0.0, 1], [1, 0], [2, 3], [4, 1]])
    values = 2 + columns @ [0.5, 3]
    for share in (0.1, 0.5, 0.9):
        line = quantile_line(columns, values, np.ones(4), share)
        assert line == pytest.approx([2, 0.5, 3])


def test_the_share_of_the_weight_lies_below_the_line() -> None:
    rng = np.random.default_rng(0)
    columns = rng.random((200, 1))
    values = columns[:, 0] + rng.normal(0, 0.3, 200)
    for share in (0.1, 0.5, 0.9):
        constant, slope = quantile_line(columns, values, np.full(200, 1 / 200), share)
        below = (values < constant + slope * columns[:, 0]).mean()
        assert below == pytest.approx(share, abs=0.011)


def test_a_weight_counts_as_so_many_equal_points() -> None:
    columns, values = np.zeros((3, 1)), np.array([0.0, 1, 2])
    weighed = quantile_line(columns, values, np.array([1.0, 1, 5]), 0.5)
    repeated = quantile_line(np.zeros((7, 1)), np.array([0.0, 1, *[2] * 5]), np.ones(7), 0.5)
    assert weighed[0] == repeated[0] == 2


def test_a_slope_that_would_fall_is_none() -> None:
    columns = np.arange(5.0)[:, None]
    assert quantile_line(columns, -columns[:, 0], np.ones(5), 0.5) == pytest.approx([-2, 0])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.9, 9.0), (0.89, 9.0), (0.5, 5.0), (0.1, 1.0), (0.95, 9.0), (0.01, 1.0)],
)
def test_of_nine_values_and_one_to_come_a_tenth_lies_beyond_either_end(
    share: float, expected: float
) -> None:
    values = np.array([4.0, 1, 9, 2, 3, 8, 7, 5, 6])
    assert conformal_percentile(values, np.full(9, 0.2), share) == expected
