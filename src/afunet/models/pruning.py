"""Pruning of AFU-Net: fewer channels in every stage, with the weights of those that stay.

A pruned network is an AFU-Net of a smaller `width` again, so that everything loads and trains it.
The architecture decides which channels go together: L is added to H2 (eq. 6), and H1 and H2 are
the halves of the high-level features (eq. 3). Such channels form a group, which keeps or loses the
same channels in every layer. Which channels matter is in `channel_importance`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models.afunet import (
    AFUNet,
    AFUNetConfig,
    Bottleneck,
    Fusion,
    inner_width,
    squeezed_width,
)

LEAST_WIDTH = 2
Kept = Mapping[str, Tensor]
"""The surviving channels of each group, as ascending numbers (K,)."""


@dataclass(frozen=True)
class Group:
    """Channels that are chosen once, wherever they appear."""

    name: str
    size: int


Axis = tuple[Group, ...]
"""The channels of a layer's input or output: groups, one after another."""


@dataclass(frozen=True)
class Layer:
    """A convolution, with the normalisation behind it, by its name in the network.

    `order` is the name of the permutation that brings the outputs into the order of the groups.
    `weighs`: the outputs are no features, but weights of the features of their groups.
    """

    name: str
    outputs: Axis
    inputs: Axis
    order: str = ""
    weighs: bool = False


def narrower(config: AFUNetConfig, share: float) -> AFUNetConfig:
    """The configuration without this share of every stage's channels, to the nearest even width.

    Raises `ConfigError` unless the share is in [0, 1) and leaves a width of 2 or more.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"the share of channels to prune must be in [0, 1), got {share}")
    width = 2 * round(config.width * (1 - share) / 2)
    if width < LEAST_WIDTH:
        left = config.width * (1 - share)
        raise ConfigError(
            f"a share of {share} leaves {left:.1f} of {config.width} channels in the first stage, "
            f"expected {LEAST_WIDTH} or more: prune less"
        )
    return replace(config, width=width)


def pruned(network: AFUNet, config: AFUNetConfig, smaller: AFUNetConfig, kept: Kept) -> AFUNet:
    """The network of `smaller` with the surviving weights of `network`, in evaluation mode.

    It gives the logits of `network` with the other channels set to zero, up to one thing: the
    maximum over channels in AF's spatial branch no longer sees those zeros.
    """
    result = AFUNet(smaller)
    given = network.state_dict()
    state = dict(given)
    for layer in layers_of(config):
        outputs, inputs = _numbers(layer.outputs, kept), _numbers(layer.inputs, kept)
        if layer.order:
            outputs = given[layer.order][outputs]
        for key in _tensors(network, layer.name):
            value = given[key][outputs]
            state[key] = value[:, inputs] if value.dim() > 1 else value
    for key, value in result.state_dict().items():
        if key.endswith("permutation"):  # the outputs are in its order now
            state[key] = torch.arange(len(value))
        elif key.endswith("attention.weight"):  # the mean is over fewer channels, the sum is not
            state[key] = given[key] * torch.tensor([smaller.width / config.width, 1.0]).view(
                1, 2, 1, 1
            )
    result.load_state_dict(state)
    return result.eval()


def layers_of(config: AFUNetConfig) -> Iterator[Layer]:
    """All layers with channels that may be pruned, from the input to the head."""
    block = config.space_to_depth**2
    given: Axis = (Group("pixels", config.input_slices * block),)
    for level in range(config.depth + 1):
        width = config.width * 2**level
        inner, outer = (Group(f"encoder {level} inner", width),), _features(config, level)
        yield Layer(f"encoder.{level}.0", inner, given)
        bare = level == config.depth and config.bottleneck is Bottleneck.NONE
        yield Layer(f"encoder.{level}.1", outer, inner, _order(config, level) if bare else "")
        given = outer
    yield from _bottleneck(config)
    for level in reversed(range(config.depth)):
        yield from _fusion(config, level)
    logits = (Group("logits", config.classes * block),)
    yield Layer("head", logits, _high(config, 0))


def _features(config: AFUNetConfig, level: int) -> Axis:
    """The output of an encoder stage; without a bottleneck the last one is the decoder's input."""
    if level == config.depth and config.bottleneck is Bottleneck.NONE:
        return _high(config, level)
    return (Group(f"encoder {level}", config.width * 2**level),)


def _high(config: AFUNetConfig, level: int) -> Axis:
    """The decoder's features of a level; AF splits those that it gets into H1 and H2."""
    width = config.width * 2**level
    if level == 0 or config.fusion is Fusion.CONCAT:
        return (Group(f"decoder {level}", width),)
    return Group(f"H1 {level - 1}", width // 2), _low(config, level - 1)


def _low(config: AFUNetConfig, level: int) -> Group:
    """L and H2, which AF adds."""
    return Group(f"L {level}", config.width * 2**level)


def _order(config: AFUNetConfig, level: int) -> str:
    """The permutation of the AF that gets the features of a level."""
    split = level > 0 and config.fusion is Fusion.AF
    return f"decoder.{config.depth - level}.permutation" if split else ""


def _bottleneck(config: AFUNetConfig) -> Iterator[Layer]:
    if config.bottleneck is Bottleneck.NONE:
        return
    given = _features(config, config.depth)
    inner = inner_width(config.width * 2**config.depth, config.dasp_growth)
    outputs: Axis = ()
    for number in range(len(config.dasp_rates)):
        own = (Group(f"X{number + 1}", inner),)
        dense = config.bottleneck is Bottleneck.DASP
        first = given if not (dense and outputs) or config.dense_input else ()
        yield Layer(f"bottleneck.stages.{number}", own, (*first, *(outputs if dense else ())))
        outputs += own
    joined = (*reversed(outputs), *given)
    yield Layer(
        "bottleneck.project", _high(config, config.depth), joined, _order(config, config.depth)
    )


def _fusion(config: AFUNetConfig, level: int) -> Iterator[Layer]:
    name, width = f"decoder.{config.depth - 1 - level}", config.width * 2**level
    skip, result = _features(config, level), _high(config, level)
    order = _order(config, level)
    if config.fusion is Fusion.CONCAT:
        inner = (Group(f"decoder {level} inner", width),)
        yield Layer(f"{name}.conv.0", inner, (*_high(config, level + 1), *skip))
        yield Layer(f"{name}.conv.1", result, inner)
        return
    low = (_low(config, level),)
    both = (Group(f"H1 {level}", width), *low)
    squeezed = (Group(f"squeezed {level}", squeezed_width(2 * width, config.reduction)),)
    by_channel, by_place = (Group(f"Fc {level}", width),), (Group(f"Fs {level}", width),)
    yield Layer(f"{name}.low", low, skip)
    yield Layer(f"{name}.channel.squeeze", squeezed, both)
    yield Layer(f"{name}.channel.excite", both, squeezed, weighs=True)
    yield Layer(f"{name}.channel.conv", by_channel, both)
    yield Layer(f"{name}.spatial.conv", by_place, low)
    yield Layer(f"{name}.fuse", result, (*by_place, *by_channel), order)


def _numbers(axis: Axis, kept: Kept) -> Tensor:
    """The surviving channels of an axis, counted through all its groups."""
    starts = [sum(group.size for group in axis[:place]) for place in range(len(axis))]
    return torch.cat([start + kept[group.name] for start, group in zip(starts, axis, strict=True)])


def _tensors(network: AFUNet, name: str) -> Iterator[str]:
    """The keys of a layer's tensors whose first axis are its output channels."""
    for inner, module in network.get_submodule(name).named_modules(prefix=name):
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            yield from (
                f"{inner}.{key}" for key, value in module.state_dict().items() if value.dim()
            )
