import numpy as np
import pytest
from scipy.special import expit, logit

from afunet.evaluation.calibration import (
    LogitCounts,
    count_logits,
    expected_calibration_error,
    fit_platt,
    outline_band,
    reliability,
)


def test_each_pixel_is_counted_once_but_those_never_seen() -> None:
    probability = np.array([[0.0, 0.2], [0.7, 1.0]])
    counts = count_logits(probability, np.array([[True, False], [True, True]]))
    assert counts.pixels.sum() == 3
    assert counts.bone.sum() == 2


def test_reliability_and_its_error_by_hand() -> None:
    """Of four pixels at 0.9 two are bone, of four at 0.1 none: (0.4 + 0.1) / 2."""
    probability = np.repeat([0.9, 0.1], 4)
    rows = reliability(count_logits(probability, np.arange(8) < 2))
    assert [(row.share, row.pixels) for row in rows] == [(0.0, 4), (0.5, 4)]
    assert [row.probability for row in rows] == pytest.approx([0.1, 0.9], abs=0.003)
    assert expected_calibration_error(rows) == pytest.approx(0.25, abs=0.003)


def test_the_fit_finds_how_a_probability_was_distorted() -> None:
    rng = np.random.default_rng(0)
    true = expit(rng.normal(0, 2, 200_000))
    bone = rng.random(true.shape) < true
    told = expit((logit(true) - 0.4) / 0.6)  # so that sigmoid(0.6 · logit + 0.4) is the truth
    counts = count_logits(told, bone)
    scale, offset = fit_platt(counts)
    assert (scale, offset) == pytest.approx((0.6, 0.4), abs=0.02)
    before, after = (reliability(counts, pair) for pair in ((1.0, 0.0), (scale, offset)))
    assert expected_calibration_error(before) > 0.05
    assert expected_calibration_error(after) < 0.005


def test_counts_add_up_and_weigh() -> None:
    one = count_logits(np.array([0.5]), np.array([True]))
    total = one.weighed(3.0) + LogitCounts.none()
    assert (total.pixels.sum(), total.bone.sum()) == (3, 3)


def test_a_fit_without_both_classes_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the only one that it raises
        fit_platt(count_logits(np.array([0.5, 0.6]), np.array([True, True])))


def test_the_band_lies_about_both_outlines() -> None:
    predicted, truth = np.zeros((1, 30), dtype=bool), np.zeros((1, 30), dtype=bool)
    predicted[0, 5], truth[0, 20] = True, True
    band = outline_band(predicted, truth, 2.0)
    assert np.flatnonzero(band).tolist() == [3, 4, 5, 6, 7, 18, 19, 20, 21, 22]
    assert not outline_band(np.zeros_like(truth), np.zeros_like(truth), 2.0).any()
