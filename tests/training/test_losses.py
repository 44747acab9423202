"""Both parts of the loss by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.training.losses import (
    dice_loss,
    focal_loss,
    gap_weights,
    segmentation_loss,
    taught_loss,
)


def logits_of(*probabilities: float) -> Tensor:
    return torch.logit(torch.tensor(probabilities)).view(1, 1, 1, -1)


def target(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def test_dice_of_three_pixels_by_hand() -> None:
    # Overlap 0.8 + 0.4; sums 0.8 + 0.4 + 0.2 and 2: 1 − (2 · 1.2 + 1) / (1.4 + 2 + 1).
    loss = dice_loss(logits_of(0.8, 0.4, 0.2), target(1, 1, 0))
    assert float(loss) == pytest.approx(1 - 3.4 / 4.4)


def test_dice_of_a_perfect_prediction_is_nearly_zero_with_and_without_bone() -> None:
    sure = torch.full((2, 1, 4, 4), 50.0)
    assert float(dice_loss(sure, torch.ones(2, 1, 4, 4))) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(-sure, torch.zeros(2, 1, 4, 4))) == pytest.approx(0, abs=1e-6)


def test_dice_counts_over_the_whole_batch() -> None:
    logits = torch.cat([logits_of(0.9, 0.1), logits_of(0.5, 0.5)])
    masks = torch.cat([target(1, 0), target(0, 0)])
    # 1 − (2 · 0.9 + 1) / (1 + 1 + 1 + 1), not the mean of the two slices' losses
    assert float(dice_loss(logits, masks)) == pytest.approx(1 - 2.8 / 4)


def test_focal_loss_at_one_half_is_a_quarter_of_ln_2() -> None:
    assert float(focal_loss(logits_of(0.5), target(1))) == pytest.approx(0.25 * math.log(2))
    assert float(focal_loss(logits_of(0.5), target(0))) == pytest.approx(0.25 * math.log(2))


def test_focal_loss_weighs_an_easy_pixel_less_than_a_hard_one() -> None:
    easy = float(focal_loss(logits_of(0.9), target(1)))
    hard = float(focal_loss(logits_of(0.9), target(0)))
    assert easy == pytest.approx(0.01 * -math.log(0.9))
    assert hard == pytest.approx(0.81 * -math.log(0.1), rel=1e-5)


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 5, generator=generator)
    masks = (torch.rand(2, 1, 5, 5, generator=generator) > 0.5).float()
    expected = binary_cross_entropy_with_logits(logits, masks)
    torch.testing.assert_close(focal_loss(logits, masks, gamma=0), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 2.0])
def test_the_loss_is_dice_and_alpha_times_focal(alpha: float) -> None:
    logits, masks = logits_of(0.8, 0.4), target(1, 0)
    expected = dice_loss(logits, masks) + alpha * focal_loss(logits, masks)
    assert float(segmentation_loss(logits, masks, alpha)) == pytest.approx(float(expected))


def test_half_precision_logits_give_a_float32_loss() -> None:
    loss = segmentation_loss(torch.full((1, 1, 64, 64), 9.0).bfloat16(), torch.zeros(1, 1, 64, 64))
    assert loss.dtype == torch.float32
    # Dice 1 − 1 / 4097, focal 9 and a little: counted in bfloat16 the 4096 pixels would not add up.
    probability = 1 / (1 + math.exp(-9))
    expected = 1 - 1 / (4096 * probability + 1) - 0.5 * probability**2 * math.log(1 - probability)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_loss_and_gradient_are_finite_however_sure_the_network_is(
    logit: float, truth: float
) -> None:
    logits = torch.full((1, 1, 3, 3), logit, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((1, 1, 3, 3), truth))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_gradient_moves_towards_the_truth() -> None:
    logits = torch.zeros(1, 1, 1, 2, requires_grad=True)
    segmentation_loss(logits, target(1, 0)).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    bone, background = logits.grad.view(-1).tolist()
    assert bone < 0 < background


def test_a_narrow_gap_weighs_more_than_the_space_round_the_bone() -> None:
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 10:30, 8:18] = mask[..., 10:30, 20:30] = 1  # two bones, 2 pixels apart
    weight = gap_weights(mask, 5.0)
    assert (weight[..., 10:30, 18:20] == 5).all()
    weight[..., 10:30, 18:20] = 1
    assert (weight == 1).all()


def test_a_wide_gap_weighs_nothing_more() -> None:
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 10:30, 4:14] = mask[..., 10:30, 24:34] = 1
    assert (gap_weights(mask, 5.0) == 1).all()


def test_a_weight_counts_a_pixel_so_often() -> None:
    logits, masks = logits_of(0.8, 0.4, 0.2), target(1, 0, 0)
    twice = torch.tensor([1.0, 3.0, 1.0]).view(1, 1, 1, -1)
    # 1 − (2 · 0.8 + 1) / (0.8 + 3 · 0.4 + 0.2 + 1 + 1)
    assert float(dice_loss(logits, masks, weight=twice)) == pytest.approx(1 - 2.6 / 4.2)
    repeated = logits_of(0.8, 0.4, 0.4, 0.4, 0.2), target(1, 0, 0, 0, 0)
    assert float(focal_loss(logits, masks, weight=twice)) * 3 == pytest.approx(
        float(focal_loss(*repeated)) * 5
    )


def test_a_filled_gap_costs_more_with_its_weight() -> None:
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 10:30, 8:18] = mask[..., 10:30, 20:30] = 1
    filled = 12 * mask - 6
    filled[..., 10:30, 18:20] = 6
    plain = float(segmentation_loss(filled, mask))
    assert float(segmentation_loss(filled, mask, gap_weight=6.0)) > 2 * plain


def test_the_loss_of_several_classes_is_the_mean_of_their_own() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, 9, 7, generator=generator)
    masks = (torch.rand(4, 3, 9, 7, generator=generator) > 0.7).float()
    own = [segmentation_loss(logits[:, i : i + 1], masks[:, i : i + 1]) for i in range(3)]
    torch.testing.assert_close(segmentation_loss(logits, masks), torch.stack(own).mean())


def test_a_gap_lies_between_bones_of_any_class() -> None:
    masks = torch.zeros(1, 2, 12, 12)
    masks[0, 0, :, :5], masks[0, 1, :, 7:] = 1, 1
    weights = gap_weights(masks, 5.0)
    assert weights.shape == (1, 1, 12, 12)
    assert weights[0, 0, 6].tolist() == [1.0] * 5 + [5.0, 5.0] + [1.0] * 5


def test_neither_loss_hears_a_pixel_of_weight_0() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 12, 12, generator=generator, requires_grad=True)
    masks = (torch.rand(2, 1, 12, 12, generator=generator) > 0.5).float()
    weight = torch.ones(2, 1, 12, 12)
    weight[..., 4:7] = 0
    loss = segmentation_loss(logits, masks, gap_weight=4.0, weight=weight)
    loss = loss + taught_loss(logits, 1 - masks, weight)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[weight == 0] == 0).all()
    assert (gradient[weight == 1] != 0).all()
    torch.testing.assert_close(
        segmentation_loss(logits, masks, weight=torch.ones_like(weight)),
        segmentation_loss(logits, masks),
    )


def test_gamma_0_makes_the_focal_loss_a_cross_entropy() -> None:
    """At probability 1/2 the cross-entropy is ln 2, the Dice loss of one pixel 1 − 2/2.5 = 0.2."""
    loss = segmentation_loss(logits_of(0.5), target(1), alpha=0.5, gamma=0.0)
    assert float(loss) == pytest.approx(0.2 + 0.5 * math.log(2))
