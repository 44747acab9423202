import pytest
import torch
from torch import Tensor, nn

from afunet.models import MODELS, build_model
from afunet.models.blocks import ConvBNReLU, upsample_like
from afunet.models.complexity import Complexity, complexity


def test_one_convolution_is_counted_by_hand() -> None:
    model = nn.Conv2d(1, 8, 3, padding=1, bias=True)
    # 8 · 9 weights and 8 biases; 2 operations for each of 72 taps at 512 × 512 pixels
    expected = Complexity(80, 2 * 72 * 512 * 512 / 1e9, receptive_field=3, local_field=3)
    assert complexity(model) == expected


def test_operations_follow_the_size_and_the_stride() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),  # 100 × 100 → 50 × 50: 27 · 4 taps
        nn.Conv2d(4, 1, 1),  # 4 taps
        nn.ConvTranspose2d(1, 1, 2, stride=2),  # 4 taps for each of 50 × 50
    )
    assert complexity(model, input_slices=3, size=100).gflops == pytest.approx(
        2 * 2500 * (108 + 4 + 4) / 1e9
    )


@pytest.mark.parametrize(
    ("layers", "side_px"),
    [
        ([nn.Conv2d(1, 1, 1)], 1),
        ([ConvBNReLU(1, 4), ConvBNReLU(4, 1)], 5),
        ([nn.Conv2d(1, 1, 7, padding=3)], 7),
        ([nn.Conv2d(1, 1, 3, dilation=5, padding=5)], 11),
        # three coarse pixels are six fine ones, and one more to either side
        ([nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1)], 8),
    ],
    ids=["1×1", "3×3 twice", "7×7", "3×3 dilated by 5", "3×3, 2×2 pool, 3×3"],
)
def test_the_receptive_field_is_worked_out_by_hand(layers: list[nn.Module], side_px: int) -> None:
    model = nn.Sequential(*layers)
    if any(isinstance(layer, nn.MaxPool2d) for layer in layers):
        model.append(nn.Upsample(scale_factor=2))
    assert complexity(model, size=32).receptive_field == side_px


def test_weights_that_cancel_or_die_do_not_narrow_the_field() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Conv2d(1, 1, 3, padding=1))
    for parameter in model.parameters():
        nn.init.constant_(parameter, -1.0)
    assert complexity(model, size=32).receptive_field == 5


class Recalibrated(nn.Module):
    """A 3×3 convolution whose output is weighed by its global mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(nn.functional.adaptive_avg_pool2d(x, 1))


def test_global_pooling_sees_everything_and_the_local_field_is_told_beside_it() -> None:
    measured = complexity(Recalibrated(), size=32)
    assert (measured.receptive_field, measured.local_field) == (None, 3)


class Pyramid(nn.Module):
    """A 7×7 convolution at 1/1024 of the size: wider than any strip that is tried."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        coarse = nn.functional.avg_pool2d(x, (8, 1024), ceil_mode=True)
        return upsample_like(self.conv(coarse), x)


def test_a_field_beyond_the_widest_strip_is_not_told() -> None:
    measured = complexity(Pyramid(), size=32)
    assert (measured.receptive_field, measured.local_field) == (None, None)


def test_the_model_is_left_as_it_was() -> None:
    model = build_model("bisenet", {"width": 4}, seed=0).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    complexity(model, size=64)
    after = model.state_dict()
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_can_be_measured(name: str) -> None:
    model = build_model(name, {"width": 4})
    measured = complexity(model, size=64)
    assert measured.parameters == sum(p.numel() for p in model.parameters())
    assert measured.gflops > 0
    assert measured.local_field is not None
    assert measured.receptive_field in (None, measured.local_field)


def test_the_field_does_not_depend_on_the_width_nor_on_the_weights() -> None:
    fields = {
        complexity(build_model("unet", {"width": width}, seed=seed), size=64).local_field
        for width, seed in [(2, 0), (2, 1), (6, 0)]
    }
    assert fields == {188}  # as a U-Net of depth 4 is known to have
