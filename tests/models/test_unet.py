import pytest
import torch
from torch import nn

from afunet.models.unet import UNet, UNetConfig, UpStage


def test_the_published_size_has_the_published_parameters() -> None:
    with torch.device("meta"):
        model = UNet(UNetConfig())
    convolutions = sum(
        child.weight.numel()
        for child in model.modules()
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d)
    )
    stages = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    encoder = sum(9 * a * b + 9 * b * b for a, b in stages)
    decoder = sum(4 * 2 * c * c + 9 * 2 * c * c + 9 * c * c for c in (512, 256, 128, 64))
    assert convolutions == encoder + decoder + 64


def test_the_widths_double_from_stage_to_stage() -> None:
    model = UNet(UNetConfig(width=4, depth=3))
    assert [stage[1][0].out_channels for stage in model.encoder] == [4, 8, 16, 32]
    assert [stage.up.out_channels for stage in model.decoder] == [16, 8, 4]


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_the_up_stage_keeps_the_whole_skip(size: tuple[int, int]) -> None:
    stage = UpStage(1).eval()
    nn.init.zeros_(stage.up.weight)
    nn.init.zeros_(stage.up.bias)
    for conv in (stage.conv[0][0], stage.conv[1][0]):
        nn.init.dirac_(conv.weight)  # passes the first channel: the skip
    skip = torch.rand(1, 1, *size)
    out = stage(torch.rand(1, 2, 2, 3), skip)
    torch.testing.assert_close(out, skip / (1 + 1e-5))  # two normalisations by √(1 + ε)


def test_the_up_convolution_spreads_a_pixel_over_its_kernel() -> None:
    stage = UpStage(1).eval()
    with torch.no_grad():
        stage.up.weight.copy_(torch.arange(1.0, 9.0).view(2, 1, 2, 2))
        stage.up.bias.zero_()
        for conv, channel in ((stage.conv[0][0], 1), (stage.conv[1][0], 0)):
            conv.weight.zero_()
            conv.weight[0, channel, 1, 1] = 1 + 0.5e-5  # undoes √(1 + ε)
    out = stage(torch.tensor([10.0, 1.0]).view(1, 2, 1, 1), torch.zeros(1, 1, 2, 2))
    # 10 · (1, 2, 3, 4) + 1 · (5, 6, 7, 8)
    torch.testing.assert_close(out.flatten(), torch.tensor([15.0, 26.0, 37.0, 48.0]))
