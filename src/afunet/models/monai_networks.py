"""Networks of MONAI 1.5 and later (Apache-2.0), through one adapter.

MONAI's networks take only sizes that all their down-samplings divide. The adapter pads a slice at
its right and lower edge to such a size, and cuts the logits to the slice again. Their layers and
initial weights are MONAI's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import pad

from afunet.errors import ConfigError
from afunet.models.network_config import NetworkConfig

MOST_CHANNELS = 512
"""Of a stage in nnU-Net's 2D plans."""


@dataclass(frozen=True)
class MonaiConfig(NetworkConfig):
    """`width` is the channels of the first stage, as many as in MONAI's own defaults."""

    width: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 2:
            raise ConfigError(f"a MONAI network needs width ≥ 2, got {self.width}")


@dataclass(frozen=True)
class MonaiDynUNetConfig(MonaiConfig):
    """nnU-Net's 2D plan has `depth` down-samplings for patches of 4 · 2^`depth` px: 5 for 128 px.

    The channels are doubled at each of them, up to 512.
    """

    depth: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth < 1:
            raise ConfigError(f"monai_dynunet needs depth ≥ 1, got {self.depth}")


class PaddedToFit(nn.Module):
    """(B, input_slices, H, W) in [0, 1] → logits (B, classes, H, W), for any H and W.

    The padded sides are multiples of 2 · 2^`depth` px, so that the lowest stage has at least 2 × 2
    pixels: instance normalisation refuses a single one.
    """

    def __init__(self, network: nn.Module, depth: int) -> None:
        super().__init__()
        self.network = network
        self.multiple_px = 2 * 2**depth

    def forward(self, x: Tensor) -> Tensor:
        """Pad with air, predict, cut."""
        rows, columns = x.shape[-2:]
        padded = pad(x, (0, -columns % self.multiple_px, 0, -rows % self.multiple_px))
        return self.network(padded)[..., :rows, :columns]  # type: ignore[no-any-return]


def basic_unet(config: MonaiConfig) -> nn.Module:
    """MONAI's U-Net: four down-samplings, instance normalisation, leaky ReLU."""
    from monai.networks.nets.basic_unet import BasicUNet

    w = config.width
    channels = (w, w, 2 * w, 4 * w, 8 * w, w)  # of five stages down, and of the last one up
    network = BasicUNet(2, config.input_slices, config.classes, channels)
    return PaddedToFit(network, depth=4)


def attention_unet(config: MonaiConfig) -> nn.Module:
    """MONAI's Attention U-Net: four strided convolutions down, channels doubled at each."""
    from monai.networks.nets.attentionunet import AttentionUnet

    channels = [config.width * 2**stage for stage in range(5)]
    strides = [2] * 4
    network = AttentionUnet(2, config.input_slices, config.classes, channels, strides)
    return PaddedToFit(network, depth=4)


def dyn_unet(config: MonaiDynUNetConfig) -> nn.Module:
    """nnU-Net's plain 2D network, without deep supervision."""
    from monai.networks.nets.dynunet import DynUNet

    strides = [1, *[2] * config.depth]
    channels = [min(MOST_CHANNELS, config.width * 2**stage) for stage in range(len(strides))]
    network = DynUNet(
        spatial_dims=2,
        in_channels=config.input_slices,
        out_channels=config.classes,
        kernel_size=[3] * len(strides),
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=channels,
        norm_name=("instance", {"affine": True}),
    )
    return PaddedToFit(network, config.depth)
