"""The training loss: L = L_Dice + α L_Focal, α = 0.5 in the paper."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def dice_loss(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 − soft Dice over the whole batch (Milletari et al. 2016); both (B, 1, H, W).

    Counting over the batch keeps crops without bone from dominating; `smooth` pixels make a
    batch without any bone a loss of nearly 0 where nothing is predicted.
    """
    probability = torch.sigmoid(logits)
    overlap = (probability * target).sum()
    return 1 - (2 * overlap + smooth) / (probability.sum() + target.sum() + smooth)


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean of (1 − p_t)^γ · cross-entropy (Lin et al. 2017), without class weights."""
    cross_entropy = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy).mean()


def segmentation_loss(logits: Tensor, target: Tensor, alpha: float = 0.5) -> Tensor:
    """L_Dice + α L_Focal of logits and 0/1 targets, (B, 1, H, W) each, computed in float32."""
    logits = logits.float()
    return dice_loss(logits, target) + alpha * focal_loss(logits, target)
