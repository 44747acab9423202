"""FCN-8s (Long, Shelhamer, Darrell 2015) on a slim VGG-16 with batch normalisation.

The backbone is the 13 convolutions of VGG-16 at half their width, from fresh weights. fc6 keeps its
7×7 kernel, with padding; fc6 and fc7 are as wide as the last stage instead of 4096. The paper
learns the ×2 up-sampling, starting from bilinear; here it stays bilinear.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models.blocks import ConvBNReLU, upsample_like
from afunet.models.network_config import NetworkConfig


@dataclass(frozen=True)
class FCNConfig(NetworkConfig):
    """`width` is the channels of VGG's first stage (64 in the paper), doubled up to eightfold."""

    width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1:
            raise ConfigError(f"FCN needs width ≥ 1, got {self.width}")


class VGGStage(nn.Sequential):
    """3×3 convolutions, then 2×2 max-pooling. (B, in, H, W) → (B, out, ⌈H/2⌉, ⌈W/2⌉).

    Pooling rounds up so that slices smaller than 32 px still reach the last stage.
    """

    def __init__(self, in_channels: int, out_channels: int, convolutions: int) -> None:
        inputs = [in_channels] + [out_channels] * (convolutions - 1)
        super().__init__(
            *(ConvBNReLU(channels, out_channels) for channels in inputs),
            nn.MaxPool2d(2, ceil_mode=True),
        )


class FCN(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H, W ≥ 1.

    Training with a batch of one slice needs H or W > 32, to have more than one value per channel.
    """

    def __init__(self, config: FCNConfig) -> None:
        super().__init__()
        w = config.width
        self.to_8 = nn.Sequential(
            VGGStage(config.input_slices, w, 2), VGGStage(w, 2 * w, 2), VGGStage(2 * w, 4 * w, 3)
        )
        self.to_16 = VGGStage(4 * w, 8 * w, 3)
        self.to_32 = VGGStage(8 * w, 8 * w, 3)
        self.classifier = nn.Sequential(  # fc6 and fc7
            ConvBNReLU(8 * w, 8 * w, kernel_size=7),
            nn.Dropout2d(),
            ConvBNReLU(8 * w, 8 * w, kernel_size=1),
            nn.Dropout2d(),
        )
        self.score_8 = nn.Conv2d(4 * w, config.classes, 1)
        self.score_16 = nn.Conv2d(8 * w, config.classes, 1)
        self.score_32 = nn.Conv2d(8 * w, config.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores at 1/32, 1/16 and 1/8 of the size, summed from coarse to fine."""
        pool3 = self.to_8(x)  # (B, 4w, H/8, W/8)
        pool4 = self.to_16(pool3)  # (B, 8w, H/16, W/16)
        pool5 = self.to_32(pool4)  # (B, 8w, H/32, W/32)
        score = self.score_32(self.classifier(pool5))  # (B, classes, H/32, W/32)
        score = upsample_like(score, pool4) + self.score_16(pool4)
        score = upsample_like(score, pool3) + self.score_8(pool3)
        return upsample_like(score, x)
