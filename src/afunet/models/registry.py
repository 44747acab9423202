"""The table of networks. To add one, write a file with its config and module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from afunet.errors import ConfigError
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.attention_unet import AttentionUNet, AttentionUNetConfig
from afunet.models.bisenet import BiSeNet, BiSeNetConfig
from afunet.models.fcn import FCN, FCNConfig
from afunet.models.network_config import NetworkConfig
from afunet.models.unet import UNet, UNetConfig
from afunet.plain import from_plain


@dataclass(frozen=True)
class Architecture:
    """A network, the dataclass of its options, and its publication."""

    config: type[NetworkConfig]
    network: Callable[[Any], nn.Module]
    source: str


MODELS: dict[str, Architecture] = {
    "afunet": Architecture(AFUNetConfig, AFUNet, "AFU-Net: DASP bottleneck, attention fusion"),
    "unet": Architecture(UNetConfig, UNet, "Ronneberger et al. 2015"),
    "attention_unet": Architecture(AttentionUNetConfig, AttentionUNet, "Oktay et al. 2018"),
    "bisenet": Architecture(BiSeNetConfig, BiSeNet, "Yu et al. 2018"),
    "fcn": Architecture(FCNConfig, FCN, "Long et al. 2015"),
}


def build_model(
    name: str, options: Mapping[str, Any] | None = None, *, seed: int | None = None
) -> nn.Module:
    """Return a network with fresh weights, the same for the same seed.

    Input (B, input_slices, H, W) in [0, 1], output logits (B, classes, H, W). `options` are fields
    of the architecture's configuration. Raises `ConfigError` for an unknown name or option.
    """
    if name not in MODELS:
        raise ConfigError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    config: Any = from_plain(MODELS[name].config, options or {}, name)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return MODELS[name].network(config)
