import numpy as np
import pytest

from afunet.evaluation.landmarks import score_landmarks


def test_each_rater_counts_alike_however_often_they_marked() -> None:
    marks = {
        "tip": {"a": np.array([[0.0, 0, 0], [0, 0, 0], [0, 0, 0]]), "b": np.array([[2.0, 0, 0]])}
    }
    (score,) = score_landmarks({"tip": np.array([1.0, 3, 0])}, marks)
    assert score.found_mm == pytest.approx(3)  # the reference is (1, 0, 0)
    assert score.rater_mm == pytest.approx(1)
    assert score.raters == 2


def test_what_was_not_found_and_what_nobody_marked() -> None:
    marks = {
        "lost": {"a": np.array([[1.0, 1, 1], [np.nan] * 3])},
        "unmarked": {"a": np.full((2, 3), np.nan)},
    }
    (score,) = score_landmarks({}, marks)
    assert (score.landmark, score.found_mm, score.rater_mm) == ("lost", None, 0)
