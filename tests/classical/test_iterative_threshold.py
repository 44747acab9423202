"""Where iterative selection rests, worked by hand."""

import numpy as np
import pytest

from afunet.classical.iterative_threshold import IterativeThresholdRules, select_threshold


def test_it_rests_halfway_between_the_two_means() -> None:
    hu = np.array([0, 0, 90, 260, 280, 300], dtype=np.float32)
    # Above 250: mean 280; below: mean 30. Halfway, 155, splits the same way.
    assert select_threshold(hu, IterativeThresholdRules()) == pytest.approx(155)


def test_where_it_rests_depends_on_where_it_starts() -> None:
    hu = np.array([0, 0, 170, 300], dtype=np.float32)
    # From 250: (300 + 170 / 3) / 2 ≈ 178, still above 170. From 150: (235 + 0) / 2 = 117.5.
    assert select_threshold(hu, IterativeThresholdRules()) == pytest.approx((300 + 170 / 3) / 2)
    assert select_threshold(hu, IterativeThresholdRules(start_hu=150.0)) == pytest.approx(117.5)


def test_fat_and_metal_count_as_the_bounds() -> None:
    hu = np.array([-100, -100, 300, 1300], dtype=np.float32)
    assert select_threshold(hu, IterativeThresholdRules()) == pytest.approx(150)


def test_a_slice_without_anything_above_the_start_keeps_the_start() -> None:
    hu = np.array([0, 50, 100], dtype=np.float32)
    assert select_threshold(hu, IterativeThresholdRules(start_hu=200.0)) == 200.0
