"""The training loss: L = L_Dice + α L_Focal, α = 0.5 in the paper."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

Total = Callable[[Tensor], Tensor]


def _own(value: Tensor) -> Tensor:
    return value


def dice_loss(logits: Tensor, target: Tensor, smooth: float = 1.0, total: Total = _own) -> Tensor:
    """1 − soft Dice over the whole batch (Milletari et al. 2016); both (B, 1, H, W).

    Counting over the batch keeps crops without bone from dominating; `smooth` pixels make a
    batch without any bone a loss of nearly 0 where nothing is predicted. `total` adds up counts
    where the batch is spread over several processes.
    """
    probability = torch.sigmoid(logits)
    counts = torch.stack([(probability * target).sum(), probability.sum() + target.sum()])
    counts = total(counts)
    return 1 - (2 * counts[0] + smooth) / (counts[1] + smooth)


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean of (1 − p_t)^γ · cross-entropy (Lin et al. 2017), without class weights."""
    cross_entropy = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy).mean()


def segmentation_loss(
    logits: Tensor, target: Tensor, alpha: float = 0.5, total: Total = _own
) -> Tensor:
    """L_Dice + α L_Focal of logits and 0/1 targets, (B, 1, H, W) each, computed in float32."""
    logits = logits.float()
    return dice_loss(logits, target, total=total) + alpha * focal_loss(logits, target)
