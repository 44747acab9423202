"""The rows of equal arithmetic are as large, or work as much, as AFU-Net of Table 1."""

from pathlib import Path

import pytest
import torch
from torch import nn

from afunet.models import MODELS, build_model
from afunet.models.complexity import gflops
from afunet.training.experiment import load_experiment

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLOSE = 0.05
OF_EQUAL_WORK = [
    "equal/unet_gflop",
    "equal/plain_gflop",
    "baselines/monai_unet",
    "baselines/monai_attention_unet",
    "baselines/monai_dynunet",
]


def network(row: str) -> nn.Module:
    training = load_experiment(EXPERIMENTS / f"{row}.toml").training
    assert training is not None
    pytest.importorskip(MODELS[training.model].package)
    with torch.device("meta"):
        return build_model(training.model, training.options)


def parameters(row: str) -> int:
    return sum(one.numel() for one in network(row).parameters())


@pytest.mark.parametrize("row", OF_EQUAL_WORK)
def test_it_works_as_much_as_afunet(row: str) -> None:
    assert gflops(network(row)) == pytest.approx(gflops(network("table1/afunet")), rel=CLOSE)


@pytest.mark.parametrize("row", ["equal/unet_parameters", "equal/plain_parameters"])
def test_it_has_as_many_parameters_as_afunet(row: str) -> None:
    assert parameters(row) == pytest.approx(parameters("table1/afunet"), rel=CLOSE)


def test_the_tables_have_no_other_row_that_is_trained() -> None:
    rows = {
        str(path.relative_to(EXPERIMENTS).with_suffix(""))
        for folder in ("equal", "baselines")
        for path in (EXPERIMENTS / folder).glob("*.toml")
        if "weights_of" not in path.read_text()
    }
    assert rows == {*OF_EQUAL_WORK, "equal/unet_parameters", "equal/plain_parameters"}
