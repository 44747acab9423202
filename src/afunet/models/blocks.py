"""Convolution blocks that the networks are built from."""

from __future__ import annotations

from torch import Tensor, nn


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU: the papers' "CBR".

    (B, in, H, W) → (B, out, ⌈H / stride⌉, ⌈W / stride⌉); padding keeps the size at stride 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        padding = dilation * (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel_size, stride, padding, dilation, bias=False
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class DoubleConv(nn.Sequential):
    """Two 3×3 Conv-BN-ReLU, one stage of a U-Net. (B, in, H, W) → (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            ConvBNReLU(in_channels, out_channels), ConvBNReLU(out_channels, out_channels)
        )


def upsample_like(x: Tensor, reference: Tensor) -> Tensor:
    """Bilinear up-sampling of (B, C, h, w) to the height and width of `reference`."""
    return nn.functional.interpolate(
        x, size=reference.shape[-2:], mode="bilinear", align_corners=False
    )
