"""The network for sides as a PyTorch module, for training and export: a few convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from afunet.anatomy.side_network import LimbSiderConfig


class LimbSiderModule(nn.Module):
    """Windows (N, 2, z, y, x) of bone and of the field of view → logits of the left side, (N,)."""

    def __init__(self, config: LimbSiderConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 1, 1)]
        inputs = (2, *config.channels[:-1])
        for before, after, stride in zip(inputs, config.channels, strides, strict=True):
            layers += [nn.Conv3d(before, after, 3, stride, padding=1, bias=False)]
            layers += [nn.BatchNorm3d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(config.channels[-1], 1)

    def forward(self, windows: Tensor) -> Tensor:
        """The score for the left side of a window minus that of its mirror image."""
        both = self._seen(torch.cat([windows, windows.flip(-1)])).reshape(2, -1)
        return both[0] - both[1]

    def _seen(self, windows: Tensor) -> Tensor:
        found = self.layers(windows).mean(dim=(2, 3, 4))
        return self.head(self.dropout(found)).squeeze(1)  # type: ignore[no-any-return]
