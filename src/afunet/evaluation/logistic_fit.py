"""Logistic regressions of several groups whose weights are drawn to each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

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
    x, of = torch.from_numpy(columns), torch.from_numpy(group)
    right, weight = torch.from_numpy(true.astype(np.float64)), torch.from_numpy(counts)
    shared = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    own = torch.zeros((groups, x.shape[1]), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([shared, own], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        told = (x * (shared + own[of])).sum(dim=1)
        total = binary_cross_entropy_with_logits(told, right, weight)
        total = total + ridge * shared[1:].square().sum() + apart_ridge * own.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return np.asarray((shared + own).detach().numpy())
