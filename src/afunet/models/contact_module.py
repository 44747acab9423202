"""The network for contacts as a PyTorch module, for training and export: a small 3D U-Net.

Only a few channels have full size: a bone lies in a large box, and most of the time would go there.
They find the line, the coarser ones tell whether it is a fracture. Features are normalised over the
bone that is seen: the same fracture is fainter in a thin or porous bone, and the air around it
must not count.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from afunet.models.contact_network import ContactConfig

MASK = 1
"""The channel of the inputs that is 1 in the bone (`fragments.contact_input`)."""
SMALL = 1e-5


class ContactModule(nn.Module):
    """Inputs (N, inputs, D, H, W) → logits (N, 1, D, H, W)."""

    def __init__(self, config: ContactConfig) -> None:
        super().__init__()
        self.config = config
        fine, *coarse = config.widths
        self.stem = _Layers(_Layer(config.inputs, fine), _Layer(fine, fine))
        pairs = list(pairwise(config.widths))
        self.down = nn.ModuleList(_Layer(a, b, kernel=2, stride=2) for a, b in pairs)
        self.encoder = nn.ModuleList(_Residual(width) for width in coarse)
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, 2) for a, b in pairs)
        self.decoder = nn.ModuleList(_Residual(width) for width in config.widths[1:-1])
        self.last = _Layer(2 * fine, fine)
        self.head = nn.Conv3d(fine, 1, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits, (N, 1, D, H, W)."""
        bones = [inputs[:, MASK : MASK + 1]]
        for _ in self.down:
            bones.append(functional.avg_pool3d(bones[-1], 2))
        features = self.stem(inputs, bones[0])
        skips = []
        for down, block, bone in zip(self.down, self.encoder, bones[1:], strict=True):
            skips.append(features)
            features = block(down(features, bone), bone)
        for level in reversed(range(1, len(skips))):
            joined = self.up[level](features) + skips[level]
            features = self.decoder[level - 1](joined, bones[level])
        both = torch.cat([self.up[0](features), skips[0]], dim=1)
        return self.head(self.last(both, bones[0]))  # type: ignore[no-any-return]


class _NormOverBone(nn.Module):
    """Mean 0 and variance 1 of each channel over the bone of each sample, then scale and shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, bone: Tensor) -> Tensor:
        """Features (N, C, D, H, W), and the share of bone in each voxel (N, 1, D, H, W)."""
        count = bone.sum((2, 3, 4), keepdim=True) + SMALL
        mean = (features * bone).sum((2, 3, 4), keepdim=True) / count
        square = (features.square() * bone).sum((2, 3, 4), keepdim=True) / count
        scale = self.weight[:, None, None, None] * torch.rsqrt(
            torch.relu(square - mean.square()) + SMALL
        )
        return features * scale + (self.bias[:, None, None, None] - mean * scale)


class _Layer(nn.Module):
    """Convolution, normalisation, ReLU if `active`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, active: bool = True
    ) -> None:
        super().__init__()
        padding = (kernel - stride + 1) // 2
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = _NormOverBone(outputs)
        self.active = active

    def forward(self, features: Tensor, bone: Tensor) -> Tensor:
        found = self.norm(self.conv(features), bone)
        return torch.relu(found) if self.active else found


class _Layers(nn.Module):
    """One layer after the other."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, features: Tensor, bone: Tensor) -> Tensor:
        for layer in self.layers:
            features = layer(features, bone)
        return features


class _Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = _Layers(_Layer(width, width), _Layer(width, width, active=False))

    def forward(self, features: Tensor, bone: Tensor) -> Tensor:
        return torch.relu(features + self.layers(features, bone))
