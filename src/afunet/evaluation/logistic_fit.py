"""Logistic regressions of several groups whose weights are drawn to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

FloatArray = NDArray[np.float64]


def fit_logistic(
    columns: FloatArray,
    group: NDArray[np.int64],
    true: NDArray[np.bool_],
    counts: FloatArray,
    groups: int,
    *,
    ridge: float,
    apart_ridge: float,
) -> FloatArray:
    """Weights (groups, K) of `columns` (N, K), whose first is the constant.

    `group`, `true` and `counts`, how much each row counts, are (N,). A group's weights are the sum
    of shared ones, which `ridge` keeps small but for the constant, and of its own, which
    `apart_ridge` does.
    """
    shrunk = np.full((1 + groups, columns.shape[1]), apart_ridge)
    shrunk[0] = ridge
    shrunk[0, 0] = 0.0

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        """The mean cross-entropy of the rows with its penalties, and its slope."""
        weights = flat.reshape(shrunk.shape)
        told = (columns * (weights[0] + weights[1:][group])).sum(axis=1)
        entropy = (counts * (np.logaddexp(0, told) - true * told)).mean()
        of_rows = columns * (counts * (expit(told) - true))[:, None] / len(told)
        slope = 2 * shrunk * weights
        slope[0] += of_rows.sum(axis=0)
        np.add.at(slope, 1 + group, of_rows)
        return float(entropy + (shrunk * weights**2).sum()), slope.ravel()

    found = minimize(
        loss, np.zeros(shrunk.size), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0}
    )
    weights = np.asarray(found.x, dtype=np.float64).reshape(shrunk.shape)
    return np.asarray(weights[0] + weights[1:])
