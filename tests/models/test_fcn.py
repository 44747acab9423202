import pytest
import torch
from torch import nn

from afunet.models.fcn import FCN, FCNConfig, VGGStage


def test_the_backbone_is_vgg_16() -> None:
    with torch.device("meta"):
        model = FCN(FCNConfig(width=64, input_slices=3))
    backbone = nn.Sequential(model.to_8, model.to_16, model.to_32)
    convolutions = [child for child in backbone.modules() if isinstance(child, nn.Conv2d)]
    # VGG-16's features have 14 714 688 parameters, 4224 of them biases
    assert len(convolutions) == 13
    assert sum(child.weight.numel() for child in convolutions) == 14_714_688 - 4224


def test_pooling_rounds_up_so_that_no_pixel_is_lost() -> None:
    assert VGGStage(1, 2, 2).eval()(torch.zeros(1, 1, 9, 1)).shape == (1, 2, 5, 1)


@pytest.mark.parametrize("scale", ["score_8", "score_16", "score_32"])
def test_the_scores_of_three_scales_are_summed(scale: str) -> None:
    model = FCN(FCNConfig(width=1)).eval()
    for name in ("score_8", "score_16", "score_32"):
        head = model.get_submodule(name)
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, 2.0 if name == scale else 0.5)
    logits = model(torch.rand(1, 1, 33, 40))
    torch.testing.assert_close(logits, torch.full((1, 1, 33, 40), 3.0))


def test_each_score_comes_from_its_own_scale() -> None:
    model = FCN(FCNConfig(width=1)).eval()
    shapes: dict[str, torch.Size] = {}
    for name in ("score_8", "score_16", "score_32"):
        model.get_submodule(name).register_forward_hook(
            lambda _, inputs, __, name=name: shapes.update({name: inputs[0].shape[1:]})
        )
    model(torch.zeros(1, 1, 64, 96))
    assert shapes == {"score_8": (4, 8, 12), "score_16": (8, 4, 6), "score_32": (8, 2, 3)}
