"""Folding batch normalisation away changes the arithmetic, not the answer."""

import pytest
import torch
from torch import nn

from afunet.models import MODELS, build_model
from afunet.models.fusion import folded


@pytest.mark.parametrize("name", MODELS)
def test_a_folded_network_gives_the_same_logits(name: str) -> None:
    options = {"width": 4, "depth": 2} if name in ("afunet", "unet", "attention_unet") else {}
    network = build_model(name, options or {"width": 8}, seed=0)
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.train()
        for _ in range(3):
            network(images)  # running statistics that are not 0 and 1
        network.eval()
        expected, got = network(images), folded(network)(images)
    assert (expected - got).abs().max() < 1e-4 * expected.abs().max()


def test_no_batch_normalisation_is_left_behind_a_convolution() -> None:
    network = folded(build_model("afunet", {"width": 4, "depth": 2}, seed=0))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_the_original_is_left_as_it_was() -> None:
    network = build_model("afunet", {"width": 4, "depth": 2}, seed=0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folded(network)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
