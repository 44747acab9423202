"""The table of networks. To add one, write a file with its config and module and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from afunet.errors import ConfigError
from afunet.extras import require_extra
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.attention_unet import AttentionUNet, AttentionUNetConfig
from afunet.models.bisenet import BiSeNet, BiSeNetConfig
from afunet.models.fcn import FCN, FCNConfig
from afunet.models.monai_networks import (
    MonaiConfig,
    MonaiDynUNetConfig,
    attention_unet,
    basic_unet,
    dyn_unet,
)
from afunet.models.network_config import NetworkConfig
from afunet.models.unet import UNet, UNetConfig
from afunet.plain import from_plain


@dataclass(frozen=True)
class Architecture:
    """A network, the dataclass of its options, its publication, and the package that has it."""

    config: type[NetworkConfig]
    network: Callable[[Any], nn.Module]
    source: str
    package: str = "torch"


MODELS: dict[str, Architecture] = {
    "afunet": Architecture(AFUNetConfig, AFUNet, "AFU-Net: DASP bottleneck, attention fusion"),
    "unet": Architecture(UNetConfig, UNet, "Ronneberger et al. 2015"),
    "attention_unet": Architecture(AttentionUNetConfig, AttentionUNet, "Oktay et al. 2018"),
    "bisenet": Architecture(BiSeNetConfig, BiSeNet, "Yu et al. 2018"),
    "fcn": Architecture(FCNConfig, FCN, "Long et al. 2015"),
    "monai_unet": Architecture(MonaiConfig, basic_unet, "MONAI BasicUNet", "monai"),
    "monai_attention_unet": Architecture(
        MonaiConfig, attention_unet, "MONAI AttentionUnet", "monai"
    ),
    "monai_dynunet": Architecture(
        MonaiDynUNetConfig,
        dyn_unet,
        "MONAI DynUNet, nnU-Net's 2D plan (Isensee et al. 2021)",
        "monai",
    ),
}


def build_model(
    name: str, options: Mapping[str, Any] | None = None, *, seed: int | None = None
) -> nn.Module:
    """Return a network with fresh weights, the same for the same seed.

    Input (B, input_slices, H, W) in [0, 1], output logits (B, classes, H, W). `options` are fields
    of the architecture's configuration. Raises `ConfigError` for an unknown name or option, and
    for a network whose package is not installed.
    """
    if name not in MODELS:
        raise ConfigError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    config: Any = from_plain(MODELS[name].config, options or {}, name)
    require_extra(MODELS[name].package)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return MODELS[name].network(config)
