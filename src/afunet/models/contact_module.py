"""The network for contacts as a PyTorch module, for training and export: a small 3D U-Net.

Only a few channels have full size: a bone lies in a large box, and most of the time would go there.
They find the line, the coarser ones tell whether it is a fracture. Features are normalised over the
picture of one bone (instance normalisation, Ulyanov 2016): the same fracture is fainter in a porous
bone, and with the statistics of other patients (batch normalisation) it was overlooked.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from afunet.models.contact_network import ContactConfig


class ContactModule(nn.Module):
    """Inputs (N, inputs, D, H, W) → logits (N, 1, D, H, W)."""

    def __init__(self, config: ContactConfig) -> None:
        super().__init__()
        self.config = config
        fine, *coarse = config.widths
        self.stem = nn.Sequential(_layer(config.inputs, fine), _layer(fine, fine))
        pairs = list(pairwise(config.widths))
        self.down = nn.ModuleList(_layer(a, b, kernel=2, stride=2) for a, b in pairs)
        self.encoder = nn.ModuleList(_Residual(width) for width in coarse)
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, 2) for a, b in pairs)
        self.decoder = nn.ModuleList(_Residual(width) for width in config.widths[1:-1])
        self.last = _layer(2 * fine, fine)
        self.head = nn.Conv3d(fine, 1, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, (N, 1, D, H, W)."""
        features = self.stem(inputs)
        skips = []
        for down, block in zip(self.down, self.encoder, strict=True):
            skips.append(features)
            features = block(down(features))
        for level in reversed(range(1, len(skips))):
            features = self.decoder[level - 1](self.up[level](features) + skips[level])
        both = torch.cat([self.up[0](features), skips[0]], dim=1)
        return self.head(self.last(both))  # type: ignore[no-any-return]


class _Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _layer(width, width)
        self.second = nn.Sequential(
            nn.Conv3d(width, width, 3, padding=1, bias=False), nn.InstanceNorm3d(width, affine=True)
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.second(self.first(features)))


def _layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    padding = (kernel - stride + 1) // 2
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.InstanceNorm3d(outputs, affine=True),
        nn.ReLU(),
    )
