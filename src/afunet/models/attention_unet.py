"""Attention U-Net (Oktay et al. 2018): a U-Net whose skips pass additive attention gates.

As in the paper, the gating signal is the decoder's features one scale below the skip, and the skip
at full resolution has no gate. The gate follows the equation: the output transform and the deep
supervision of the authors' code are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from afunet.models.blocks import DoubleConv, upsample_like
from afunet.models.unet import UNetConfig, UpStage


@dataclass(frozen=True)
class AttentionUNetConfig(UNetConfig):
    """The options of U-Net; the inner width F_int of a gate is half the width of its skip."""


class AttentionGate(nn.Module):
    """α = σ(ψᵀ ReLU(W_x x + W_g g + b_g) + b_ψ); the gated skip is α · x.

    The sum is computed on the grid of the gating signal, at half the skip's resolution: a 2×2
    convolution of stride 2 brings x there, and bilinear up-sampling brings α back.
    """

    def __init__(self, skip_channels: int, gate_channels: int) -> None:
        super().__init__()
        inner = max(1, skip_channels // 2)
        self.skip = nn.Conv2d(skip_channels, inner, 2, stride=2, bias=False)  # W_x
        self.gate = nn.Conv2d(gate_channels, inner, 1)  # W_g, b_g
        self.attention = nn.Conv2d(inner, 1, 1)  # ψ, b_ψ

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        """(B, C, H, W) and (B, G, ⌊H/2⌋, ⌊W/2⌋) → (B, C, H, W)."""
        additive = torch.relu(self.skip(skip) + self.gate(gate))  # (B, F_int, ⌊H/2⌋, ⌊W/2⌋)
        alpha = torch.sigmoid(self.attention(additive))  # (B, 1, ⌊H/2⌋, ⌊W/2⌋)
        return skip * upsample_like(alpha, skip)


class GatedUpStage(UpStage):
    """U-Net's decoder stage with an attention gate on its skip."""

    def __init__(self, skip_channels: int) -> None:
        super().__init__(skip_channels)
        self.attention_gate = AttentionGate(skip_channels, 2 * skip_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, 2C, h, w) and (B, C, H, W) → (B, C, H, W)."""
        return super().forward(x, self.attention_gate(skip, x))


class AttentionUNet(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H, W ≥ 2 ** depth."""

    def __init__(self, config: AttentionUNetConfig) -> None:
        super().__init__()
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        inputs = [config.input_slices, *widths[:-1]]
        self.encoder = nn.ModuleList(map(DoubleConv, inputs, widths))
        self.downsample = nn.MaxPool2d(2)
        self.decoder = nn.ModuleList(map(GatedUpStage, reversed(widths[1:-1])))
        self.last = UpStage(config.width)
        self.head = nn.Conv2d(config.width, config.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Contracting path, gated expanding path, the ungated last stage, head."""
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(self.downsample(x) if skips else x)  # (B, width · 2^i, H / 2^i, W / 2^i)
            skips.append(x)
        x = skips.pop()
        first, *deeper = skips
        for stage, skip in zip(self.decoder, reversed(deeper), strict=True):
            x = stage(x, skip)
        return self.head(self.last(x, first))  # type: ignore[no-any-return]
