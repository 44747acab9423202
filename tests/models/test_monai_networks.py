"""The adapter around MONAI's networks, and what is said where MONAI is not installed."""

import sys

import pytest
import torch
from tests.refusals import refused
from torch import nn

from afunet.errors import ConfigError
from afunet.models import build_model
from afunet.models.monai_networks import MonaiDynUNetConfig, PaddedToFit, dyn_unet


class Recording(nn.Module):
    """Keeps the shape that comes in, and gives the input back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shape = x.shape
        return x


@pytest.mark.parametrize(
    ("given", "padded"), [((16, 16), (16, 16)), ((17, 1), (24, 8)), ((8, 31), (8, 32))]
)
def test_a_slice_is_padded_to_whole_multiples_and_cut_again(
    given: tuple[int, int], padded: tuple[int, int]
) -> None:
    network, x = Recording(), torch.rand(1, 1, *given)
    assert torch.equal(PaddedToFit(network, depth=2)(x), x)
    assert network.shape == (1, 1, *padded)


def test_a_slice_that_fits_gives_what_monai_gives() -> None:
    pytest.importorskip("monai")
    network = build_model("monai_dynunet", {"width": 4, "depth": 2}, seed=0).eval()
    x = torch.rand(1, 1, 32, 40)
    assert isinstance(network, PaddedToFit)
    assert torch.equal(network(x), network.network(x))


def test_the_channels_of_nnunets_plan_are_doubled_up_to_512() -> None:
    pytest.importorskip("monai")
    with torch.device("meta"):
        network = dyn_unet(MonaiDynUNetConfig(depth=6))
    widths = {p.shape[0] for name, p in network.named_parameters() if "conv1.conv.weight" in name}
    assert widths == {32, 64, 128, 256, 512}


@pytest.mark.parametrize("name", ["monai_unet", "monai_attention_unet", "monai_dynunet"])
def test_without_monai_one_line_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    with refused(ConfigError, "PACKAGE_MISSING", "monai", "pip install 'afunet[bench]'"):
        build_model(name)


def test_a_network_without_down_sampling_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR", 0):
        build_model("monai_dynunet", {"depth": 0})
