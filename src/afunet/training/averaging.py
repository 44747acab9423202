"""Averaging the weights over the last steps, and recomputing batch statistics for them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the parameters, which the loop updates.

    Batch statistics are copied from the model, not averaged; `recalibrate` replaces them.
    """
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=average, use_buffers=False)


@torch.no_grad()
def recalibrate(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics of every batch normalisation by the mean over `batches`.

    The statistics copied from the trained model do not fit the averaged weights, which were never
    run in training mode.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, NORMS)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # cumulative mean
    model.train()
    for batch in batches:
        model(batch)
    model.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
