"""BiSeNet (Yu et al. 2018) with ResNet-18 (He et al. 2016), from fresh weights.

The paper's auxiliary heads, which only serve training, are left out: every network here is trained
with one loss on one output. After global pooling, convolutions have a bias instead of batch
normalisation, which has no variance to divide by if a batch of one has one pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models.blocks import ConvBNReLU, upsample_like
from afunet.models.network_config import NetworkConfig


@dataclass(frozen=True)
class BiSeNetConfig(NetworkConfig):
    """`width` is the channels of ResNet's first stage (64 in the paper); others scale with it."""

    width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1:
            raise ConfigError(f"BiSeNet needs width ≥ 1, got {self.width}")


class ResidualBlock(nn.Module):
    """ResNet's basic block: two 3×3 convolutions beside a shortcut.

    (B, in, H, W) → (B, out, ⌈H / stride⌉, ⌈W / stride⌉).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            ConvBNReLU(in_channels, out_channels, stride=stride),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Add the output of the convolutions to that of the shortcut."""
        return torch.relu(self.residual(x) + self.shortcut(x))


class ResNet18(nn.Module):
    """The four stages of ResNet-18; returns the features at 1/16 and 1/32 of the input size."""

    def __init__(self, input_slices: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvBNReLU(input_slices, width, kernel_size=7, stride=2),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stage4 = _residual_stage(width, width, stride=1)
        self.stage8 = _residual_stage(width, 2 * width, stride=2)
        self.stage16 = _residual_stage(2 * width, 4 * width, stride=2)
        self.stage32 = _residual_stage(4 * width, 8 * width, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, H, W) → (B, 4w, H/16, W/16) and (B, 8w, H/32, W/32)."""
        at_16 = self.stage16(self.stage8(self.stage4(self.stem(x))))
        return at_16, self.stage32(at_16)


def _residual_stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(in_channels, out_channels, stride),
        ResidualBlock(out_channels, out_channels, stride=1),
    )


class SpatialPath(nn.Sequential):
    """Three convolutions of stride 2 that keep detail. (B, S, H, W) → (B, 2w, H/8, W/8)."""

    def __init__(self, input_slices: int, width: int) -> None:
        super().__init__(
            ConvBNReLU(input_slices, width, stride=2),
            ConvBNReLU(width, width, stride=2),
            ConvBNReLU(width, 2 * width, stride=2),
        )


class AttentionRefinement(nn.Module):
    """ARM: a 3×3 convolution, then channel weights from global pooling.

    (B, in, H, W) → (B, out, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(in_channels, out_channels)
        self.weigh = nn.Conv2d(out_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels by their mean over the whole image."""
        x = self.conv(x)
        return x * torch.sigmoid(self.weigh(_pool(x)))


class ContextPath(nn.Module):
    """ResNet-18, an ARM on its last two stages, and global pooling on its tail.

    (B, S, H, W) → (B, 2w, H/16, W/16).
    """

    def __init__(self, input_slices: int, width: int) -> None:
        super().__init__()
        self.backbone = ResNet18(input_slices, width)
        self.refine16 = AttentionRefinement(4 * width, 2 * width)
        self.refine32 = AttentionRefinement(8 * width, 2 * width)
        self.tail = nn.Conv2d(8 * width, 2 * width, 1)
        self.smooth = ConvBNReLU(2 * width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Combine the features of the whole image, of 1/32 and of 1/16, in this order."""
        at_16, at_32 = self.backbone(x)
        whole = self.tail(_pool(at_32))  # (B, 2w, 1, 1)
        context = self.refine32(at_32) + whole  # (B, 2w, H/32, W/32)
        context = self.smooth(upsample_like(context, at_16))
        return self.refine16(at_16) + context  # type: ignore[no-any-return]


class FeatureFusion(nn.Module):
    """FFM: concatenate both paths, then weight the channels and add.

    Two inputs (B, C/2, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(channels, channels, kernel_size=1)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        """Fuse detail with context."""
        fused = self.conv(torch.cat([spatial, context], dim=1))
        return fused + fused * self.weigh(_pool(fused))  # type: ignore[no-any-return]


class BiSeNet(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H, W ≥ 1.

    Training with a batch of one slice needs H or W > 32, to have more than one value per channel.
    """

    def __init__(self, config: BiSeNetConfig) -> None:
        super().__init__()
        self.spatial = SpatialPath(config.input_slices, config.width)
        self.context = ContextPath(config.input_slices, config.width)
        self.fusion = FeatureFusion(4 * config.width)
        self.head = nn.Sequential(
            ConvBNReLU(4 * config.width, config.width), nn.Conv2d(config.width, config.classes, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Spatial path, context path, fusion, head, up-sampling by 8."""
        detail = self.spatial(x)  # (B, 2w, H/8, W/8)
        context = upsample_like(self.context(x), detail)  # (B, 2w, H/8, W/8)
        logits = self.head(self.fusion(detail, context))  # (B, classes, H/8, W/8)
        return upsample_like(logits, x)


def _pool(x: Tensor) -> Tensor:
    """Global average pooling, (B, C, H, W) → (B, C, 1, 1)."""
    return x.mean(dim=(2, 3), keepdim=True)
