"""The networks. To add one: a file with its configuration and module, and a line in `MODELS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import torch
from torch import nn

from afunet.errors import ConfigError
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.attention_unet import AttentionUNet, AttentionUNetConfig
from afunet.models.bisenet import BiSeNet, BiSeNetConfig
from afunet.models.fcn import FCN, FCNConfig
from afunet.models.unet import UNet, UNetConfig


@dataclass(frozen=True)
class Architecture:
    """A network, the dataclass of its options, and where it was published."""

    config: type
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
    """A network with fresh weights, the same for the same seed.

    Input (B, input_slices, H, W) in [0, 1], output logits (B, 1, H, W). `options` are fields of
    the architecture's configuration. Raises `ConfigError` for names and options it does not know.
    """
    if name not in MODELS:
        raise ConfigError(f"unknown model {name!r}; there are {', '.join(MODELS)}")
    config = _configure(name, MODELS[name].config, dict(options or {}))
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        return MODELS[name].network(config)


def _configure(name: str, config: type, options: dict[str, Any]) -> Any:
    known = [field.name for field in fields(config)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(known)}")
    types = get_type_hints(config)
    values = {key: _convert(f"{name}.{key}", types[key], value) for key, value in options.items()}
    return config(**values)


def _convert(what: str, kind: Any, value: Any) -> Any:
    """JSON and TOML know neither tuples nor enums; wrong types get a line, not a traceback."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise ConfigError(f"{what} must be one of {', '.join(kind)}, got {value!r}")
        return kind(value)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{what} must be a list, got {value!r}")
        return tuple(_convert(what, get_args(kind)[0], item) for item in value)
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{what} must be {kind.__name__}, got {value!r}")
    return value
