import math

import pytest
import torch
from torch import nn

from afunet.models.bisenet import (
    AttentionRefinement,
    BiSeNet,
    BiSeNetConfig,
    ContextPath,
    FeatureFusion,
    ResidualBlock,
    ResNet18,
    SpatialPath,
)


def neutralised(module: nn.Module) -> nn.Module:
    """Evaluation mode, fresh statistics and no ε: normalisation is the identity."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            child.eps = 0.0
    return module.eval()


def test_resnet_18_has_the_published_parameters() -> None:
    with torch.device("meta"):
        model = ResNet18(input_slices=3, width=64)
    # 11 689 512 with the classifier of 512 · 1000 weights and 1000 biases
    assert sum(p.numel() for p in model.parameters()) == 11_689_512 - 513_000


def test_resnet_18_returns_its_last_two_stages() -> None:
    at_16, at_32 = ResNet18(1, 2).eval()(torch.zeros(1, 1, 64, 96))
    assert at_16.shape == (1, 8, 4, 6)
    assert at_32.shape == (1, 16, 2, 3)


def test_a_residual_block_adds_its_input_before_the_last_rectifier() -> None:
    block = neutralised(ResidualBlock(1, 1, stride=1))
    nn.init.dirac_(block.residual[0][0].weight)
    nn.init.constant_(block.residual[1].weight, 0.0)
    with torch.no_grad():
        block.residual[1].weight[0, 0, 1, 1] = -0.5
    x = torch.tensor([4.0, -4.0]).view(1, 1, 1, 2)
    # 4 - 0.5 · 4 = 2; the first rectifier makes -4 a 0, so -4 - 0 is cut to 0
    assert block(x).flatten().tolist() == [2.0, 0.0]


def test_the_spatial_path_keeps_an_eighth_of_the_size() -> None:
    assert SpatialPath(1, 2).eval()(torch.zeros(1, 1, 65, 64)).shape == (1, 4, 9, 8)


def test_attention_refinement_weighs_channels_by_their_global_mean() -> None:
    block = neutralised(AttentionRefinement(2, 2))
    nn.init.dirac_(block.conv[0].weight)
    with torch.no_grad():
        block.weigh.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, -1.0]]).view(2, 2, 1, 1))
        block.weigh.bias.copy_(torch.tensor([math.log(3) - 2.0, 3.0]))
    x = torch.tensor([[1.0, 3.0], [4.0, 6.0]]).view(1, 2, 1, 2)  # means 2 and 5
    # σ(2 + ln 3 - 2) = 3/4 and σ(2 - 5 + 3) = 1/2
    expected = torch.tensor([[0.75, 2.25], [2.0, 3.0]]).view(1, 2, 1, 2)
    torch.testing.assert_close(block(x), expected)


def test_the_context_path_adds_the_whole_image_to_both_refined_stages() -> None:
    path = neutralised(ContextPath(1, 1))
    for refine in (path.refine16, path.refine32):
        nn.init.zeros_(refine.conv[0].weight)
    nn.init.zeros_(path.tail.weight)
    with torch.no_grad():
        path.tail.bias.copy_(torch.tensor([5.0, 7.0]))
        path.smooth[0].weight.zero_()
        path.smooth[0].weight[:, :, 1, 1] = torch.tensor([[1.0, 1.0], [0.0, 2.0]])
    out = path(torch.zeros(1, 1, 64, 64))
    assert out.shape == (1, 2, 4, 4)
    assert (out[0, 0] == 12).all()
    assert (out[0, 1] == 14).all()


def test_feature_fusion_adds_the_weighed_features_to_themselves() -> None:
    fusion = neutralised(FeatureFusion(2))
    with torch.no_grad():
        fusion.conv[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 1.0]]).view(2, 2, 1, 1))
        squeeze, excite = fusion.weigh[0], fusion.weigh[2]
        squeeze.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]).view(2, 2, 1, 1))
        squeeze.bias.zero_()
        excite.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(2, 2, 1, 1))
        excite.bias.copy_(torch.tensor([math.log(3) - 2.0, 0.0]))
    spatial, context = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 6.0)
    # fused (2, 8); weights σ(2 + ln 3 - 2) = 3/4 and σ(ReLU(-8)) = 1/2
    out = fusion(spatial, context).flatten()
    torch.testing.assert_close(out, torch.tensor([2 + 1.5, 8 + 4.0]))


@pytest.mark.parametrize("height", [33, 64])
def test_the_paths_meet_at_an_eighth_of_the_size(height: int) -> None:
    model = BiSeNet(BiSeNetConfig(width=2)).eval()
    seen: list[torch.Size] = []
    model.fusion.register_forward_hook(lambda _, inputs, __: seen.extend(x.shape for x in inputs))
    model(torch.zeros(1, 1, height, 40))
    assert seen == [torch.Size((1, 4, -(-height // 8), 5))] * 2
