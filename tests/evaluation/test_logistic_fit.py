"""Weights that made the answers are found again, and groups that know little keep to the rest."""

import numpy as np
import pytest
from scipy.special import expit

from afunet.evaluation.logistic_fit import fit_logistic


def rows(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([np.ones(count), rng.uniform(-1, 1, (count, 2))])


def fitted(
    columns: np.ndarray, group: np.ndarray, true: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    return fit_logistic(columns, group, true, counts, 2, ridge=1e-6, apart_ridge=1e-6)


def test_the_weights_of_each_group_are_found_again() -> None:
    columns, weights = rows(40_000, 0), np.array([[0.5, 2.0, -1.0], [-0.5, 1.0, 1.5]])
    group = np.arange(40_000) % 2
    chance = expit((columns * weights[group]).sum(axis=1))
    true = np.random.default_rng(1).random(40_000) < chance
    assert fitted(columns, group, true, np.ones(40_000)) == pytest.approx(weights, abs=0.12)


def test_a_row_that_counts_three_times_is_three_rows() -> None:
    columns, group = rows(60, 2), np.arange(60) % 2
    true = np.random.default_rng(3).random(60) < 0.6
    times = np.where(true, 1, 3)
    ridge, share = 0.1, 60 / times.sum()  # the loss is the mean over rows
    once = fit_logistic(
        columns, group, true, times.astype(float), 2, ridge=ridge, apart_ridge=ridge
    )
    thrice = fit_logistic(
        *(np.repeat(part, times, axis=0) for part in (columns, group, true)),
        np.ones(times.sum()),
        2,
        ridge=ridge * share,
        apart_ridge=ridge * share,
    )
    assert once == pytest.approx(thrice, abs=1e-4)


def test_a_group_without_rows_has_the_shared_weights() -> None:
    columns, group = rows(400, 4), np.zeros(400, dtype=np.int64)
    true = columns[:, 1] > 0
    alone = fit_logistic(columns, group, true, np.ones(400), 2, ridge=1e-2, apart_ridge=1e-1)
    assert alone[1, 1] > 0
    assert np.abs(alone[0] - alone[1]).max() < np.abs(alone[1]).max()
