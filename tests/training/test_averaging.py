"""Averaged weights, and statistics that belong to them."""

import torch
from torch import nn

from afunet.training.averaging import average_of, recalibrate


def test_the_average_starts_with_the_first_weights_and_follows_slowly() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = average_of(model, 0.9)
    for value in (1.0, 2.0, 4.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    # 1, then 0.9 · 1 + 0.1 · 2 = 1.1, then 0.9 · 1.1 + 0.1 · 4
    torch.testing.assert_close(average.module.weight, torch.tensor([[1.39]]))
    assert model.weight.item() == 4


def test_recalibrated_statistics_are_the_mean_over_the_batches() -> None:
    norm = nn.BatchNorm2d(1)
    norm(torch.full((2, 1, 2, 2), 100.0))  # what came before must not count
    batches = [torch.tensor(values).view(2, 1, 1, 2) for values in ([0.0, 2, 4, 6], [10.0] * 4)]
    recalibrate(norm, batches)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, torch.tensor([(3 + 10) / 2]))
    torch.testing.assert_close(norm.running_var, torch.tensor([(20 / 3 + 0) / 2]))  # unbiased


def test_recalibration_leaves_weights_momentum_and_evaluation_mode() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, momentum=0.3))
    before = [parameter.clone() for parameter in model.parameters()]
    recalibrate(model, [torch.rand(2, 1, 8, 8)])
    assert all(map(torch.equal, before, model.parameters()))
    assert model[1].momentum == 0.3
    assert not any(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_layers_after_the_first_are_calibrated_on_normalised_input() -> None:
    """In training mode each layer sees its predecessor's batch-normalised output."""
    model = nn.Sequential(nn.BatchNorm2d(1), nn.BatchNorm2d(1))
    recalibrate(model, [torch.randn(4, 1, 8, 8) * 7 + 50])
    torch.testing.assert_close(model[1].running_mean, torch.zeros(1), atol=1e-4, rtol=0)
    torch.testing.assert_close(model[1].running_var, torch.ones(1), atol=0.01, rtol=0)
