"""Pruned networks against the whole ones with the same channels set to zero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models import build_model
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.channel_importance import channel_importance, survivors
from afunet.models.pruning import Kept, layers_of, narrower, pruned
from afunet.plain import from_plain

SMALL = {"width": 8, "depth": 2, "dasp_growth": 0.5, "reduction": 4}
VARIANTS: dict[str, dict[str, Any]] = {
    "AFU-Net": {},
    "paper's growth and reduction": {"dasp_growth": 1.0, "reduction": 16},
    "three slices, two classes": {"input_slices": 3, "classes": 2},
    "blocks of two": {"space_to_depth": 2},
    "dense input": {"dense_input": True},
    "other rates": {"dasp_rates": [2, 4]},
    "one down-sampling": {"depth": 1},
    "ASPP": {"bottleneck": "aspp"},
    "no bottleneck": {"bottleneck": "none"},
    "concatenation": {"fusion": "concat"},
    "U-Net": {"fusion": "concat", "bottleneck": "none"},
    "random split": {"channel_split": "random"},
    "random split, no bottleneck": {"channel_split": "random", "bottleneck": "none"},
    "all at once": {
        "input_slices": 5,
        "classes": 3,
        "space_to_depth": 2,
        "dense_input": True,
        "channel_split": "random",
        "depth": 3,
    },
}
every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=list(VARIANTS))


def network_of(options: dict[str, Any]) -> tuple[AFUNet, AFUNetConfig]:
    """A network whose running statistics are no longer 0 and 1."""
    options = {**SMALL, **options}
    network = build_model("afunet", options, seed=0)
    assert isinstance(network, AFUNet)
    config = from_plain(AFUNetConfig, options, "afunet")
    network.train()(slices(config, seed=3))
    return network.eval(), config


def slices(config: AFUNetConfig, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, config.input_slices, 37, 48, generator=generator)


def squared(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits - targets).square().sum()


def drawn(config: AFUNetConfig, smaller: AFUNetConfig) -> Kept:
    """Survivors by chance."""
    generator = torch.Generator().manual_seed(7)
    importance = {
        group.name: torch.rand(group.size, generator=generator)
        for layer in layers_of(config)
        for group in (*layer.outputs, *layer.inputs)
    }
    return survivors(importance, config, smaller)


@contextmanager
def without(network: AFUNet, config: AFUNetConfig, kept: Kept) -> Iterator[None]:
    """The other channels are zero."""

    def mask_of(outputs: tuple[Any, ...], order: str) -> Tensor:
        parts = [torch.zeros(group.size).index_fill(0, kept[group.name], 1.0) for group in outputs]
        grouped = torch.cat(parts)
        return grouped if not order else grouped[network.get_buffer(order).argsort()]

    with ExitStack() as hooks:
        for layer in layers_of(config):
            if not layer.weighs:
                mask = mask_of(layer.outputs, layer.order)[:, None, None]
                module = network.get_submodule(layer.name)
                hooks.callback(
                    module.register_forward_hook(lambda _, __, out, mask=mask: out * mask).remove
                )
        yield


@every_variant
def test_without_a_share_the_network_stays_the_same(options: dict[str, Any]) -> None:
    network, config = network_of(options)
    same = narrower(config, 0.0)
    assert same == config
    x = slices(config)
    result = pruned(network, config, same, drawn(config, same))
    assert not result.training
    torch.testing.assert_close(result(x), network(x))


@every_variant
def test_the_logits_are_those_of_the_whole_network_with_the_other_channels_at_zero(
    options: dict[str, Any],
) -> None:
    network, config = network_of(options)
    for name, parameter in network.double().named_parameters():
        if ".low." in name:  # L ≥ 0: then AF's maximum over channels does not miss the zeros
            parameter.data.abs_()
    smaller = narrower(config, 0.5)
    kept, x = drawn(config, smaller), slices(config).double()
    with without(network, config, kept):
        expected = network(x)
    assert (network(x) - expected).std() > 1e-4
    torch.testing.assert_close(pruned(network, config, smaller, kept).double()(x), expected)


@every_variant
def test_a_pruned_network_is_built_by_its_configuration_alone(options: dict[str, Any]) -> None:
    network, config = network_of(options)
    smaller = narrower(config, 0.7)
    assert smaller.width == 2
    result = pruned(network, config, smaller, drawn(config, smaller))
    again = build_model("afunet", {**SMALL, **options, "width": 2})
    again.load_state_dict(result.state_dict())
    assert torch.equal(again.eval()(slices(config)), result(slices(config)))


@every_variant
def test_layers_list_every_convolution_with_its_channels(options: dict[str, Any]) -> None:
    network, config = network_of(options)
    listed = {layer.name: layer for layer in layers_of(config)}
    convolutions = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and not name.endswith("attention")
    }
    found = {name: name if name in listed else name.rpartition(".")[0] for name in convolutions}
    assert sorted(found.values()) == sorted(listed)
    for name, module in convolutions.items():
        layer = listed[found[name]]
        assert module.out_channels == sum(group.size for group in layer.outputs)
        assert module.in_channels == sum(group.size for group in layer.inputs)


def test_survivors_are_the_most_important_channels_in_their_order() -> None:
    config = AFUNetConfig(width=4, depth=1)
    smaller = narrower(config, 0.5)
    importance = {
        group.name: torch.arange(float(group.size)).roll(1)  # 3 0 1 2, and so on
        for layer in layers_of(config)
        for group in (*layer.outputs, *layer.inputs)
    }
    kept = survivors(importance, config, smaller)
    assert kept["encoder 0"].tolist() == [0, 3]
    assert kept["L 0"].tolist() == [0, 3]
    assert kept["encoder 1"].tolist() == [0, 5, 6, 7]
    assert kept["squeezed 0"].tolist() == [0]


def test_h1_and_h2_keep_equally_many_channels_and_l_those_of_h2() -> None:
    network, config = network_of({})
    with torch.no_grad():
        network.get_submodule("decoder.1.low").weight.zero_()[5] = 100.0  # type: ignore[union-attr, operator]
    x = slices(config)
    importance = channel_importance(network, config, [(x, torch.zeros(2, 1, 37, 48))], squared)
    kept = survivors(importance, config, narrower(config, 0.5))
    assert 5 in kept["L 0"]
    small = pruned(network, config, narrower(config, 0.5), kept)
    assert (small.decoder[1].low.weight > 50).any()
    # Of the level above (16 channels), H1 is made by the first eight and H2 by the last eight.
    rows = network.decoder[0].fuse[0].weight[torch.cat([kept["H1 0"], 8 + kept["L 0"]])]
    columns = torch.cat([kept["Fs 1"], 16 + kept["Fc 1"]])
    assert torch.equal(small.decoder[0].fuse[0].weight, rows[:, columns])


def test_the_importance_is_the_change_of_the_loss_to_first_order() -> None:
    """For a loss that is linear in the logits, and a head that is linear, it is exact."""
    network, config = network_of({})
    x = slices(config)

    def total(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits * targets).sum()

    weight = torch.rand(2, 1, 37, 48, generator=torch.Generator().manual_seed(5))
    importance = channel_importance(network, config, [(x, weight)], total)
    head = network.head
    kept_weight = head.weight.detach().clone()
    for channel in range(config.width):
        with torch.no_grad():
            before = (network(x) * weight).sum((1, 2, 3))
            head.weight[:, channel] = 0
            change = before - (network(x) * weight).sum((1, 2, 3))
            head.weight.copy_(kept_weight)
        expected = change.square().sum()
        torch.testing.assert_close(importance["decoder 0"][channel], expected, rtol=1e-3, atol=1e-5)


def test_importance_is_added_over_batches_and_leaves_the_network_alone() -> None:
    network, config = network_of({})
    crops = [(slices(config, seed), torch.rand(2, 1, 37, 48)) for seed in (1, 2)]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    one, other, both = (
        channel_importance(network, config, chosen, squared)
        for chosen in (crops[:1], crops[1:], crops)
    )
    assert all(torch.allclose(both[name], one[name] + other[name]) for name in both)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not network.head._forward_hooks
    assert not network.encoder[0][0]._forward_hooks  # type: ignore[index]


@pytest.mark.parametrize(
    ("width", "share", "left"), [(32, 0.3, 22), (32, 0.5, 16), (32, 0.7, 10), (8, 0.0, 8)]
)
def test_a_share_leaves_an_even_width(width: int, share: float, left: int) -> None:
    assert narrower(AFUNetConfig(width=width), share).width == left


@pytest.mark.parametrize(("share", "named"), [(1.0, 1.0), (-0.1, -0.1), (0.95, 0.4)])
def test_an_impossible_share_is_refused(share: float, named: float) -> None:
    with refused(ConfigError, "CONFIG_ERROR", named):
        narrower(AFUNetConfig(width=8), share)
