"""AFU-Net: a U-Net with a dense dilated bottleneck (DASP) and attention fusion (AF).

Equation numbers are those of the AFU-Net paper. The paper leaves some details open: the width
inside DASP, the kernels of AF's last convolutions, whether eq. 1 feeds X to every stage.
docs/decisions/002-afunet-readings.md decides them; those that matter are fields of the config.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from afunet.errors import ConfigError
from afunet.models.blocks import ConvBNReLU, DoubleConv, upsample_like
from afunet.models.network_config import NetworkConfig


class Bottleneck(StrEnum):
    """The block at the bottom of the U."""

    DASP = "dasp"
    ASPP = "aspp"
    NONE = "none"


class Fusion(StrEnum):
    """How the decoder combines high-level and low-level features."""

    AF = "af"
    CONCAT = "concat"


class ChannelSplit(StrEnum):
    """How AF halves the high-level features: first and second half, or by a random permutation."""

    FIXED = "fixed"
    RANDOM = "random"


@dataclass(frozen=True)
class AFUNetConfig(NetworkConfig):
    """Options of AFU-Net; the defaults are the paper's choices.

    U-Net+DASP is `fusion="concat"`, U-Net+AF is `bottleneck="none"`. There are `width` channels
    after the first stage, doubled at each of `depth` down-samplings. `dasp_growth` is the width of
    X1…X3 divided by that of X; `dense_input` keeps X in the concatenation of eq. 1, as DenseASPP
    does; `reduction` is r of eq. 4. With `space_to_depth` = s, blocks of s × s pixels become
    channels before the first stage, and the head writes each block at once (Shi et al. 2016), so
    that all stages work on 1/s² of the pixels; 1 is the paper.
    """

    width: int = 64
    depth: int = 3
    bottleneck: Bottleneck = Bottleneck.DASP
    dasp_rates: tuple[int, ...] = (3, 5, 7)
    dasp_growth: float = 1.0
    dense_input: bool = False
    fusion: Fusion = Fusion.AF
    reduction: int = 16
    channel_split: ChannelSplit = ChannelSplit.FIXED
    space_to_depth: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        halved = self.fusion is Fusion.AF
        if self.width < 2 or (halved and self.width % 2) or self.depth < 1:
            even = "an even width" if halved else "a width"
            raise ConfigError(
                f"afunet needs {even} ≥ 2 and depth ≥ 1, got {self.width} and {self.depth}"
            )
        if min(self.dasp_rates, default=0) < 1 or self.dasp_growth <= 0 or self.reduction < 1:
            raise ConfigError("afunet needs positive dasp_rates, dasp_growth and reduction")
        if self.space_to_depth < 1:
            raise ConfigError(f"space_to_depth must be at least 1, got {self.space_to_depth}")


def inner_width(channels: int, growth: float) -> int:
    """The channels of each dilated convolution in DASP and ASPP."""
    return max(1, round(channels * growth))


def squeezed_width(channels: int, reduction: int) -> int:
    """The channels between the two 1×1 convolutions of AF's channel branch (eq. 4)."""
    return max(1, channels // reduction)


class DASP(nn.Module):
    """Dense atrous spatial pyramid, eq. 1–2. (B, C, H, W) → (B, C, H, W)."""

    def __init__(
        self, channels: int, rates: tuple[int, ...], growth: float, dense_input: bool
    ) -> None:
        super().__init__()
        self.dense_input = dense_input
        inner = inner_width(channels, growth)
        kept = channels if dense_input else 0
        self.stages = nn.ModuleList(
            ConvBNReLU(channels if i == 0 else kept + i * inner, inner, dilation=rate)
            for i, rate in enumerate(rates)
        )
        self.project = ConvBNReLU(channels + len(rates) * inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Feed all earlier outputs to each stage (eq. 1) and to the last convolution (eq. 2)."""
        outputs: list[Tensor] = []
        for stage in self.stages:
            earlier = [x, *outputs] if self.dense_input or not outputs else outputs
            outputs.append(stage(torch.cat(earlier, dim=1)))
        return self.project(torch.cat([*reversed(outputs), x], dim=1))  # type: ignore[no-any-return]


class ASPP(nn.Module):
    """Parallel dilated convolutions (Chen et al. 2017), the block that DASP is compared with.

    (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int, rates: tuple[int, ...], growth: float) -> None:
        super().__init__()
        inner = inner_width(channels, growth)
        self.stages = nn.ModuleList(ConvBNReLU(channels, inner, dilation=rate) for rate in rates)
        self.project = ConvBNReLU(channels + len(rates) * inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Feed X to every stage."""
        outputs = [stage(x) for stage in self.stages]
        return self.project(torch.cat([*reversed(outputs), x], dim=1))  # type: ignore[no-any-return]


class ChannelBranch(nn.Module):
    """Squeeze and excite over [H1, L], then a convolution (eq. 4–5).

    (B, C, H, W) → (B, C/2, H, W).
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = squeezed_width(channels, reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)
        self.conv = nn.Conv2d(channels, channels // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels by their mean over the whole window."""
        pooled = x.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(pooled))))
        return self.conv(x * weights)  # type: ignore[no-any-return]


class SpatialBranch(nn.Module):
    """A 7×7 attention map over H2 + L, then a convolution (eq. 6). (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(2, 1, 7, padding=3)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the pixels by the mean and maximum over their channels."""
        statistics = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        weights = torch.sigmoid(self.attention(statistics))  # (B, 1, H, W)
        return self.conv(x * weights)  # type: ignore[no-any-return]


class AttentionFusion(nn.Module):
    """AF, eq. 3–7: high-level (B, 2C, h, w) and low-level (B, C, H, W) → (B, C, H, W)."""

    permutation: Tensor

    def __init__(self, low_channels: int, reduction: int, split: ChannelSplit) -> None:
        super().__init__()
        high_channels = 2 * low_channels
        order = torch.arange(high_channels)
        if split is ChannelSplit.RANDOM:
            order = torch.randperm(high_channels)
        self.register_buffer("permutation", order)
        self.low = nn.Conv2d(low_channels, low_channels, 1)
        self.channel = ChannelBranch(2 * low_channels, reduction)
        self.spatial = SpatialBranch(low_channels)
        self.fuse = ConvBNReLU(2 * low_channels, low_channels)
        self.split = split

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Up-sample, split, weight by channel and by position, fuse."""
        high = upsample_like(high, low)
        if self.split is ChannelSplit.RANDOM:
            high = high[:, self.permutation]
        h1, h2 = high.chunk(2, dim=1)
        low = self.low(low)  # L of eq. 3
        by_channel = self.channel(torch.cat([h1, low], dim=1))  # Fc
        by_place = self.spatial(h2 + low)  # Fs
        return self.fuse(torch.cat([by_place, by_channel], dim=1))  # type: ignore[no-any-return]


class ConcatFusion(nn.Module):
    """The plain decoder stage of U-Net: up-sampling, concatenation, two convolutions."""

    def __init__(self, low_channels: int) -> None:
        super().__init__()
        self.conv = DoubleConv(3 * low_channels, low_channels)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """(B, 2C, h, w) and (B, C, H, W) → (B, C, H, W)."""
        return self.conv(torch.cat([upsample_like(high, low), low], dim=1))  # type: ignore[no-any-return]


class AFUNet(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H, W ≥ 2 ** depth."""

    def __init__(self, config: AFUNetConfig) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        block = config.space_to_depth**2
        inputs = [config.input_slices * block, *widths[:-1]]
        self.space_to_depth = config.space_to_depth
        self.encoder = nn.ModuleList(map(DoubleConv, inputs, widths))
        self.downsample = nn.MaxPool2d(2)
        self.bottleneck = _bottleneck(config, widths[-1])
        self.decoder = nn.ModuleList(_fusion(config, width) for width in reversed(widths[:-1]))
        self.head = nn.Conv2d(config.width, config.classes * block, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Space to depth, encoder, bottleneck, decoder, head, depth to space."""
        if self.space_to_depth == 1:
            return self._blocks(x)
        rows, columns = x.shape[-2:]
        x = pad(x, (0, -columns % self.space_to_depth, 0, -rows % self.space_to_depth))
        logits = self._blocks(pixel_unshuffle(x, self.space_to_depth))
        return pixel_shuffle(logits, self.space_to_depth)[..., :rows, :columns]

    def _blocks(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(self.downsample(x) if skips else x)
            skips.append(x)
        x = self.bottleneck(skips.pop())
        for fusion, low in zip(self.decoder, reversed(skips), strict=True):
            x = fusion(x, low)
        return self.head(x)  # type: ignore[no-any-return]


def _bottleneck(config: AFUNetConfig, channels: int) -> nn.Module:
    match config.bottleneck:
        case Bottleneck.DASP:
            return DASP(channels, config.dasp_rates, config.dasp_growth, config.dense_input)
        case Bottleneck.ASPP:
            return ASPP(channels, config.dasp_rates, config.dasp_growth)
        case Bottleneck.NONE:
            return nn.Identity()


def _fusion(config: AFUNetConfig, low_channels: int) -> nn.Module:
    match config.fusion:
        case Fusion.AF:
            return AttentionFusion(low_channels, config.reduction, config.channel_split)
        case Fusion.CONCAT:
            return ConcatFusion(low_channels)
