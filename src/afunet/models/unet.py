"""U-Net (Ronneberger, Fischer, Brox 2015), padded and with batch normalisation.

It differs from the paper's network in three ways that are usual today: padded convolutions, so that
the output has the size of the input; batch normalisation; and if an up-sampled map is one pixel
smaller than its skip, the map is stretched instead of cropping the skip.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models.blocks import DoubleConv, upsample_like
from afunet.models.network_config import NetworkConfig


@dataclass(frozen=True)
class UNetConfig(NetworkConfig):
    """`width` is the channels of the first stage, doubled at each of `depth` down-samplings."""

    width: int = 64
    depth: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or self.depth < 1:
            raise ConfigError(
                f"a U-Net needs width ≥ 1 and depth ≥ 1, got {self.width} and {self.depth}"
            )


class UpStage(nn.Module):
    """2×2 up-convolution, concatenation with the skip, two 3×3 convolutions."""

    def __init__(self, skip_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * skip_channels, skip_channels, 2, stride=2)
        self.conv = DoubleConv(2 * skip_channels, skip_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, 2C, h, w) and (B, C, H, W) → (B, C, H, W)."""
        x = self.up(x)  # (B, C, 2h, 2w)
        # An exported graph must not compare sizes; stretching to an equal size changes nothing.
        if torch.compiler.is_exporting() or x.shape[-2:] != skip.shape[-2:]:
            x = upsample_like(x, skip)
        return self.conv(torch.cat([skip, x], dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H, W ≥ 2 ** depth."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        inputs = [config.input_slices, *widths[:-1]]
        self.encoder = nn.ModuleList(map(DoubleConv, inputs, widths))
        self.downsample = nn.MaxPool2d(2)
        self.decoder = nn.ModuleList(map(UpStage, reversed(widths[:-1])))
        self.head = nn.Conv2d(config.width, config.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Contracting path, expanding path, head."""
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(self.downsample(x) if skips else x)  # (B, width · 2^i, H / 2^i, W / 2^i)
            skips.append(x)
        x = skips.pop()
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            x = stage(x, skip)
        return self.head(x)  # type: ignore[no-any-return]
