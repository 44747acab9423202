"""The network for bone names as a PyTorch module, for training and export: a small perceptron."""

from __future__ import annotations

from torch import Tensor, nn

from afunet.anatomy.bone_network import BoneNamerConfig


class BoneNamerModule(nn.Module):
    """Features (N, inputs) → logits (N, classes + 1) of the classes, then of the left side."""

    def __init__(self, config: BoneNamerConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = [nn.BatchNorm1d(config.inputs)]
        for inputs, outputs in zip(
            (config.inputs, *config.widths[:-1]), config.widths, strict=True
        ):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
            layers += [nn.Dropout(0.2)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(config.widths[-1], len(config.classes) + 1)

    def forward(self, surroundings: Tensor) -> Tensor:
        """Return the logits, (N, classes + 1)."""
        return self.head(self.layers(surroundings))  # type: ignore[no-any-return]
