"""Lines below which a share of all values lies, and percentiles that hold for one case more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

FloatArray = NDArray[np.float64]


def quantile_line(
    columns: FloatArray, values: FloatArray, weights: FloatArray, share: float
) -> FloatArray:
    """(constant, a slope ≥ 0 of each column) of the line below which `share` of the weight lies.

    `columns` (N, K), `values` and `weights` (N,). Least pinball loss, by linear programming
    (Koenker and Bassett 1978).
    """
    rows, slopes = columns.shape
    cost = np.concatenate([np.zeros(slopes + 1), weights * share, weights * (1 - share)])
    equal = np.hstack([np.ones((rows, 1)), columns, np.eye(rows), -np.eye(rows)])
    bounds = [(None, None)] + [(0, None)] * (slopes + 2 * rows)
    found = linprog(cost, A_eq=equal, b_eq=values, bounds=bounds, method="highs")
    return np.asarray(found.x[: slopes + 1])


def conformal_percentile(values: FloatArray, weights: FloatArray, share: float) -> float:
    """The value that `share` of the weight lies below, the one more that is to come among it.

    Above one half the percentile is rounded outwards from below, else from above, as split
    conformal prediction asks (Romano et al. 2019); the weight to come is the largest.
    """
    if share < 0.5:
        return -conformal_percentile(-values, weights, 1 - share)
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / (weights.sum() + weights.max())
    return float(values[order][min(int(np.searchsorted(below, share)), len(values) - 1)])
