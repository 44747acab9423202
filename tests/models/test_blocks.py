import pytest
import torch
from torch import nn

from afunet.models.blocks import ConvBNReLU, DoubleConv, upsample_like


def test_a_cbr_is_a_convolution_without_bias_normalised_and_rectified() -> None:
    conv, norm, relu = ConvBNReLU(2, 3)
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is None
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(relu, nn.ReLU)


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (3, 1), (3, 7), (7, 1)])
def test_padding_keeps_the_size(kernel_size: int, dilation: int) -> None:
    block = ConvBNReLU(1, 2, kernel_size=kernel_size, dilation=dilation).eval()
    assert block(torch.zeros(1, 1, 9, 5)).shape == (1, 2, 9, 5)


def test_a_stride_of_two_halves_and_rounds_up() -> None:
    assert ConvBNReLU(1, 2, stride=2).eval()(torch.zeros(1, 1, 9, 6)).shape == (1, 2, 5, 3)


def test_training_normalises_to_mean_zero_and_cuts_the_negative_half() -> None:
    block = ConvBNReLU(1, 1, kernel_size=1)
    nn.init.ones_(block[0].weight)
    x = torch.tensor([2.0, 4.0]).view(1, 1, 1, 2)  # mean 3, deviation 1
    torch.testing.assert_close(block(x), torch.tensor([0.0, 1.0]).view(1, 1, 1, 2))


def test_a_double_conv_sees_two_pixels_far() -> None:
    block = DoubleConv(1, 1).eval()
    for conv in (block[0][0], block[1][0]):
        nn.init.ones_(conv.weight)
    x = torch.zeros(1, 1, 7, 7)
    x[0, 0, 3, 3] = 1
    reached = block(x)[0, 0] > 0
    expected = torch.zeros(7, 7, dtype=torch.bool)
    expected[1:6, 1:6] = True
    assert torch.equal(reached, expected)


def test_upsampling_is_bilinear_between_pixel_centres() -> None:
    x = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2)
    up = upsample_like(x, torch.empty(1, 5, 1, 4))
    assert up.flatten().tolist() == [0.0, 1.0, 3.0, 4.0]


def test_upsampling_reaches_odd_sizes() -> None:
    assert upsample_like(torch.zeros(1, 2, 4, 2), torch.empty(1, 9, 9, 5)).shape == (1, 2, 9, 5)
