"""AFU-Net's blocks against the paper's equations worked out on paper, and its ablations."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from afunet.errors import ConfigError
from afunet.models import build_model
from afunet.models.afunet import (
    ASPP,
    DASP,
    AFUNet,
    AFUNetConfig,
    AttentionFusion,
    Bottleneck,
    ChannelBranch,
    ChannelSplit,
    ConcatFusion,
    Fusion,
    SpatialBranch,
)

RATES = (3, 5, 7)
LN_3 = math.log(3)  # σ(ln 3) = 3/4


def neutralised(module: nn.Module) -> Any:
    """Evaluation mode, fresh statistics and no ε: normalisation is the identity."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            child.eps = 0.0
    return module.eval()


def set_taps(
    conv: nn.Module,
    taps: Sequence[Sequence[float]],
    bias: Sequence[float] | None = None,
    at: tuple[int, int] | None = None,
) -> None:
    """`taps[output][input]` at the kernel's centre or at (row, column) `at`, elsewhere zero."""
    if isinstance(conv, nn.Sequential):
        conv = conv[0]
    assert isinstance(conv, nn.Conv2d)
    height, width = conv.kernel_size
    row, column = at or (height // 2, width // 2)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[:, :, row, column] = torch.tensor(taps)
        if conv.bias is not None:
            conv.bias.copy_(torch.tensor(bias or [0.0] * len(taps)))


def pixel(*channels: float) -> Tensor:
    """A map of one pixel, (1, C, 1, 1)."""
    return torch.tensor(channels).view(1, -1, 1, 1)


# DASP, eq. 1–2


def test_dasp_feeds_each_stage_all_earlier_outputs_but_not_x() -> None:
    dasp = neutralised(DASP(1, RATES, growth=1.0, dense_input=False))
    set_taps(dasp.stages[0], [[2.0]])  # X1 = 2 X = 2
    set_taps(dasp.stages[1], [[3.0]])  # X2 = 3 X1 = 6
    set_taps(dasp.stages[2], [[5.0, 7.0]])  # X3 = 5 X1 + 7 X2 = 52
    set_taps(dasp.project, [[1.0, 10.0, 100.0, 1000.0]])  # over [X3, X2, X1, X]
    assert dasp(pixel(1.0)).item() == 52 + 60 + 200 + 1000


def test_dasp_with_dense_input_feeds_x_to_each_stage_too() -> None:
    dasp = neutralised(DASP(1, RATES, growth=1.0, dense_input=True))
    set_taps(dasp.stages[0], [[2.0]])  # X1 = 2 X = 2
    set_taps(dasp.stages[1], [[3.0, 4.0]])  # X2 = 3 X + 4 X1 = 11
    set_taps(dasp.stages[2], [[5.0, 7.0, 2.0]])  # X3 = 5 X + 7 X1 + 2 X2 = 41
    set_taps(dasp.project, [[1.0, 10.0, 100.0, 1000.0]])
    assert dasp(pixel(1.0)).item() == 41 + 110 + 200 + 1000


def test_the_taps_of_dasp_lie_3_5_and_7_pixels_apart_and_then_1() -> None:
    dasp = neutralised(DASP(1, RATES, growth=1.0, dense_input=False))
    right = (1, 2)
    set_taps(dasp.stages[0], [[1.0]], at=right)
    set_taps(dasp.stages[1], [[1.0]], at=right)
    set_taps(dasp.stages[2], [[0.0, 1.0]], at=right)
    set_taps(dasp.project, [[1.0, 0.0, 0.0, 0.0]], at=right)
    row = torch.zeros(1, 1, 1, 20)
    row[..., 18] = 1
    assert dasp(row).nonzero()[:, 3].tolist() == [18 - 3 - 5 - 7 - 1]


@pytest.mark.parametrize(
    ("dense_input", "growth", "widths"),
    [
        (False, 1.0, [(8, 8), (8, 8), (16, 8), (32, 8)]),
        (True, 1.0, [(8, 8), (16, 8), (24, 8), (32, 8)]),
        (False, 0.25, [(8, 2), (2, 2), (4, 2), (14, 8)]),
        (True, 0.25, [(8, 2), (10, 2), (12, 2), (14, 8)]),
    ],
)
def test_the_widths_inside_dasp(
    dense_input: bool, growth: float, widths: list[tuple[int, int]]
) -> None:
    dasp = DASP(8, RATES, growth, dense_input)
    convolutions = [*(stage[0] for stage in dasp.stages), dasp.project[0]]
    assert [(conv.in_channels, conv.out_channels) for conv in convolutions] == widths


def test_aspp_feeds_x_alone_to_every_stage() -> None:
    aspp = neutralised(ASPP(1, RATES, growth=1.0))
    for stage, tap in zip(aspp.stages, (2.0, 3.0, 5.0), strict=True):
        set_taps(stage, [[tap]])
    set_taps(aspp.project, [[1.0, 10.0, 100.0, 1000.0]])
    assert aspp(pixel(1.0)).item() == 5 + 30 + 200 + 1000
    assert [stage[0].dilation for stage in aspp.stages] == [(3, 3), (5, 5), (7, 7)]


# AF's channel branch, eq. 4–5


def channel_branch() -> Any:
    branch = ChannelBranch(channels=2, reduction=2)
    set_taps(branch.squeeze, [[1.0, 0.5]], bias=[-1.0])
    set_taps(branch.excite, [[1.0], [-1.0]], bias=[LN_3 - 3.0, 3.0])
    set_taps(branch.conv, [[10.0, 1.0]], bias=[0.5])
    return branch


def test_the_channel_branch_squeezes_excites_and_convolves() -> None:
    # squeeze ReLU(2 + 4/2 - 1) = 3; weights σ(3 + ln 3 - 3) = 3/4 and σ(-3 + 3) = 1/2
    # weighed 1.5 and 2; 10 · 1.5 + 2 + 0.5
    assert channel_branch()(pixel(2.0, 4.0)).item() == pytest.approx(17.5)


def test_the_squeezed_channels_are_rectified() -> None:
    branch = channel_branch()
    set_taps(branch.excite, [[1.0], [-1.0]], bias=[LN_3, 0.0])
    # ReLU(-2 + 0 - 1) = 0; weights 3/4 and 1/2; 10 · -1.5 + 0 + 0.5
    assert branch(pixel(-2.0, 0.0)).item() == pytest.approx(-14.5)


def test_the_channel_branch_pools_over_the_whole_map() -> None:
    x = torch.tensor([[1.0, 3.0], [0.0, 8.0]]).view(1, 2, 1, 2)  # means 2 and 4, as above
    # 10 · 0.75 · (1, 3) + 0.5 · (0, 8) + 0.5
    expected = torch.tensor([8.0, 27.0]).view(1, 1, 1, 2)
    torch.testing.assert_close(channel_branch()(x), expected)


@pytest.mark.parametrize(("channels", "hidden"), [(128, 8), (16, 1), (8, 1)])
def test_the_reduction_is_sixteenfold_down_to_one_channel(channels: int, hidden: int) -> None:
    assert ChannelBranch(channels, reduction=16).squeeze.out_channels == hidden


# AF's spatial branch, eq. 6


def test_the_spatial_branch_weighs_by_mean_and_maximum_of_the_channels() -> None:
    branch = SpatialBranch(channels=2)
    set_taps(branch.attention, [[2.0, -1.0]], bias=[LN_3 - 1.0])
    set_taps(branch.conv, [[4.0, 0.0], [1.0, 1.0]], bias=[0.0, 0.5])
    # mean 2, maximum 3: σ(2 · 2 - 3 + ln 3 - 1) = 3/4; weighed 0.75 and 2.25
    torch.testing.assert_close(branch(pixel(1.0, 3.0)), pixel(3.0, 3.5))


@pytest.mark.parametrize(("corner", "apart"), [((0, 0), -3), ((6, 6), 3)])
def test_the_spatial_attention_looks_three_pixels_far(corner: tuple[int, int], apart: int) -> None:
    branch = SpatialBranch(channels=1)
    set_taps(branch.attention, [[1.0, 0.0]], at=corner)
    set_taps(branch.conv, [[1.0]])
    x = torch.zeros(1, 1, 7, 7)
    x[0, 0, 3, 3] = 8.0
    x[0, 0, 3 + apart, 3 + apart] = LN_3
    assert branch(x)[0, 0, 3, 3].item() == pytest.approx(0.75 * 8)


# AF as a whole, eq. 3 and 7


def fusion_by_hand(split: ChannelSplit = ChannelSplit.FIXED) -> Any:
    """L = 2 · low + 1; both attentions are 1/2; Fc = a + 2 b of [H1, L]; Fs = 3 (H2 + L)."""
    fusion = neutralised(AttentionFusion(low_channels=1, reduction=2, split=split))
    set_taps(fusion.low, [[2.0]], bias=[1.0])
    set_taps(fusion.channel.excite, [[0.0], [0.0]])
    set_taps(fusion.channel.conv, [[1.0, 2.0]])
    set_taps(fusion.spatial.attention, [[0.0, 0.0]])
    set_taps(fusion.spatial.conv, [[3.0]])
    set_taps(fusion.fuse, [[1.0, 100.0]])  # over [Fs, Fc]
    return fusion


def test_af_splits_high_from_low_and_fuses_fs_with_fc() -> None:
    # L = 7; H1 = 5, H2 = 8; Fc = (5 + 2 · 7) / 2 = 9.5; Fs = 3 · (8 + 7) / 2 = 22.5
    assert fusion_by_hand()(pixel(5.0, 8.0), pixel(3.0)).item() == 22.5 + 950


def test_the_fusion_is_normalised_and_rectified() -> None:
    fusion = fusion_by_hand()
    set_taps(fusion.fuse, [[-1.0, -1.0]])
    assert fusion(pixel(5.0, 8.0), pixel(3.0)).item() == 0
    assert isinstance(fusion.fuse[1], nn.BatchNorm2d)


def test_the_drawn_split_exchanges_the_channels_it_drew() -> None:
    fusion = fusion_by_hand(ChannelSplit.RANDOM)
    fusion.permutation.copy_(torch.tensor([1, 0]))
    # H1 = 8, H2 = 5; Fc = (8 + 2 · 7) / 2 = 11; Fs = 3 · (5 + 7) / 2 = 18
    assert fusion(pixel(5.0, 8.0), pixel(3.0)).item() == 18 + 1100


def test_high_level_features_are_brought_to_the_size_of_the_low_level_ones() -> None:
    fusion = fusion_by_hand()
    set_taps(fusion.low, [[0.0]])
    set_taps(fusion.fuse, [[0.0, 1.0]])  # Fc alone: H1 / 2
    high = torch.tensor([[0.0, 4.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    row = fusion(high, torch.zeros(1, 1, 3, 4))[0, 0, 2]
    assert row.tolist() == [0.0, 0.5, 1.5, 2.0]


def test_the_random_split_is_a_permutation_drawn_once_with_the_weights() -> None:
    def drawn(seed: int) -> list[Tensor]:
        model = build_model("afunet", {"width": 8, "channel_split": "random"}, seed=seed)
        return [stage.permutation for stage in model.get_submodule("decoder").children()]

    assert [order.sort().values.tolist() for order in drawn(0)] == [
        list(range(channels)) for channels in (64, 32, 16)
    ]
    assert all(map(torch.equal, drawn(0), drawn(0)))
    assert not all(map(torch.equal, drawn(0), drawn(1)))


def test_the_random_split_is_stored_with_the_weights() -> None:
    options = {"width": 4, "channel_split": "random"}
    model, other = (build_model("afunet", options, seed=seed).eval() for seed in (0, 1))
    other.load_state_dict(model.state_dict())
    x = torch.rand(1, 1, 32, 32)
    assert torch.equal(other(x), model(x))


# The whole network and its ablations


def test_the_paper_has_three_down_samplings_and_widths_of_64_to_512() -> None:
    with torch.device("meta"):
        model = AFUNet(AFUNetConfig())
    assert [stage[1][0].out_channels for stage in model.encoder] == [64, 128, 256, 512]
    assert isinstance(model.bottleneck, DASP)
    assert [stage.low.in_channels for stage in model.decoder] == [256, 128, 64]


@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        ({}, {DASP, AttentionFusion}, {ASPP, ConcatFusion}),
        ({"fusion": "concat"}, {DASP, ConcatFusion}, {ASPP, AttentionFusion}),
        ({"bottleneck": "none"}, {AttentionFusion}, {ASPP, DASP, ConcatFusion}),
        ({"bottleneck": "aspp"}, {ASPP, AttentionFusion}, {DASP, ConcatFusion}),
    ],
    ids=["AFU-Net", "U-Net+DASP", "U-Net+AF", "ASPP for DASP"],
)
def test_the_ablations_hold_the_parts_of_their_names(
    options: dict[str, Any], present: set[type], absent: set[type]
) -> None:
    model = build_model("afunet", {"width": 4, **options}).eval()
    parts = {type(child) for child in model.modules()}
    assert present <= parts
    assert not absent & parts
    assert model(torch.zeros(1, 1, 33, 47)).shape == (1, 1, 33, 47)


def test_without_both_parts_it_is_a_plain_u_net() -> None:
    config = AFUNetConfig(
        width=4, depth=2, bottleneck=Bottleneck.NONE, fusion=Fusion.CONCAT, input_slices=3
    )
    model = AFUNet(config).eval()
    x = torch.rand(1, 3, 8, 12)

    def pool(features: Tensor) -> Tensor:
        return nn.functional.max_pool2d(features, 2)

    def join(high: Tensor, low: Tensor) -> Tensor:
        double = nn.functional.interpolate(high, scale_factor=2, mode="bilinear")
        return torch.cat([double, low], dim=1)

    top, middle, bottom = model.encoder
    lower, upper = (stage.conv for stage in model.decoder)
    at_1 = top(x)
    at_2 = middle(pool(at_1))
    at_4 = bottom(pool(at_2))
    expected = model.head(upper(join(lower(join(at_4, at_2)), at_1)))
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"width": 3},
        {"depth": 0},
        {"dasp_rates": []},
        {"dasp_rates": [0, 3]},
        {"dasp_rates": "357"},
        {"dasp_rates": ["3"]},
        {"dasp_growth": 0.0},
        {"reduction": 0},
        {"bottleneck": "dense"},
        {"fusion": 1},
    ],
    ids=str,
)
def test_an_impossible_option_is_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        build_model("afunet", options)
    assert "\n" not in str(refusal.value)


def test_options_from_json_are_understood() -> None:
    options = {"width": 4, "dasp_rates": [2, 4], "dasp_growth": 1, "bottleneck": "aspp"}
    assert len(build_model("afunet", options).get_submodule("bottleneck.stages")) == 2
