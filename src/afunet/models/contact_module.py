"""The network for contacts as a PyTorch module, for training and export: a small 3D U-Net.

Its first layer halves the resolution and its last one doubles it: a bone lies in a large box, most
of the time would go into layers of full size, and a thin line shows in any of them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from afunet.models.contact_network import ContactConfig


class ContactModule(nn.Module):
    """Inputs (N, inputs, D, H, W) → logits (N, outputs, D, H, W)."""

    def __init__(self, config: ContactConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = _layer(config.inputs, widths[0], kernel=4, stride=2)
        self.down = nn.ModuleList(_layer(a, b, kernel=2, stride=2) for a, b in pairwise(widths))
        self.encoder = nn.ModuleList(_Residual(width) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, 2) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(_Residual(width) for width in widths[:-1])
        self.head = nn.ConvTranspose3d(widths[0], config.outputs, 2, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, (N, outputs, D, H, W)."""
        features, skips = self.encoder[0](self.stem(inputs)), []
        for down, block in zip(self.down, self.encoder[1:], strict=True):
            skips.append(features)
            features = block(down(features))
        for level in reversed(range(len(skips))):
            features = self.decoder[level](self.up[level](features) + skips[level])
        return self.head(features)  # type: ignore[no-any-return]


class _Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _layer(width, width)
        self.second = nn.Sequential(
            nn.Conv3d(width, width, 3, padding=1, bias=False), nn.BatchNorm3d(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


def _layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    padding = (kernel - stride + 1) // 2
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(),
    )
