"""The training loss: L = L_Dice + α L_Focal, α = 0.5 in the paper.

Each class has its own channel with a sigmoid (docs/decisions/008-channels.md). The loss is the
mean over classes; bone alone is one class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

GAP_RADIUS_PX = 3
"""A gap is background that a morphological closing with a square of this radius fills."""

Total = Callable[[Tensor], Tensor]


def _own(value: Tensor) -> Tensor:
    return value


def dice_loss(
    logits: Tensor,
    target: Tensor,
    smooth: float = 1.0,
    total: Total = _own,
    weight: Tensor | None = None,
) -> Tensor:
    """1 − soft Dice over the whole batch (Milletari et al. 2016), the mean over C classes.

    `logits` and the 0/1 `target` are (B, C, H, W). `weight` (B, 1, H, W) is the weight of a pixel.

    Counts are summed over the batch so that crops without bone do not dominate. Thanks to `smooth`
    pixels, a batch without bone has a loss of nearly 0 if nothing is predicted. `total` sums counts
    over several processes.
    """
    probability = torch.sigmoid(logits)
    if weight is not None:
        probability, target = weight * probability, weight * target
    common = probability * (target > 0)
    counts = torch.stack([_by_class(common), _by_class(probability) + _by_class(target)])
    counts = total(counts)  # (2, C)
    return (1 - (2 * counts[0] + smooth) / (counts[1] + smooth)).mean()


def _by_class(values: Tensor) -> Tensor:
    """(B, C, H, W) → sums (C,)."""
    return values.transpose(0, 1).flatten(1).sum(1)


def focal_loss(
    logits: Tensor, target: Tensor, gamma: float = 2.0, weight: Tensor | None = None
) -> Tensor:
    """Mean of (1 − p_t)^γ · cross-entropy (Lin et al. 2017), without class weights.

    With `weight` (B, 1, H, W), each pixel's value is multiplied by its weight.
    """
    cross_entropy = binary_cross_entropy_with_logits(logits, target, reduction="none")
    focal = (1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy
    return (focal if weight is None else weight * focal).mean()


def gap_weights(target: Tensor, weight: float, radius_px: int = GAP_RADIUS_PX) -> Tensor:
    """`weight` in narrow gaps between bone and 1 elsewhere, (B, 1, H, W), for 0/1 targets.

    Bone is any class of the targets (B, C, H, W). A gap is what a morphological closing fills:
    fracture lines and joint spaces, whose few pixels decide which bones are connected. Ronneberger
    et al. 2015 weight the lines between cells for the same reason.
    """
    side, target = 2 * radius_px + 1, target.amax(1, keepdim=True)
    grown = max_pool2d(target, side, stride=1, padding=radius_px)
    closed = -max_pool2d(-grown, side, stride=1, padding=radius_px)
    return 1 + (weight - 1) * (closed - target).clamp(min=0)


def taught_loss(logits: Tensor, probability: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of logits with a teacher's probabilities, (B, C, H, W) each, in float32.

    With `weight` (B, 1, H, W), each pixel's value is multiplied by its weight. The minimum over the
    logits is the teacher's own entropy; the gradient is that of the Kullback-Leibler divergence
    from the teacher (Hinton et al. 2015).
    """
    return binary_cross_entropy_with_logits(logits.float(), probability, weight)


def segmentation_loss(
    logits: Tensor,
    target: Tensor,
    alpha: float = 0.5,
    total: Total = _own,
    gap_weight: float = 1.0,
    weight: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """L_Dice + α L_Focal of logits and 0/1 targets, (B, C, H, W) each, computed in float32.

    `weight` (B, 1, H, W) is the weight of each pixel, 0 for a label that is ignored. Pixels in
    narrow gaps are weighted by `gap_weight` as well, see `gap_weights`.
    """
    logits = logits.float()
    if gap_weight != 1:
        in_gaps = gap_weights(target, gap_weight)
        weight = in_gaps if weight is None else weight * in_gaps
    dice = dice_loss(logits, target, total=total, weight=weight)
    return dice + alpha * focal_loss(logits, target, gamma, weight)
