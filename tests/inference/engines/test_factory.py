"""The trial that picks an arithmetic, on this machine's CPU."""

import numpy as np
import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import DeviceError
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines import factory
from afunet.inference.engines.factory import fastest, pick_device
from afunet.inference.engines.torch_engine import TorchEngine

CPU = torch.device("cpu")


def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def test_cuda_without_a_gpu_is_refused_and_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cuda(monkeypatch)
    with refused(DeviceError, "NO_CUDA", "--device cpu"):
        pick_device(DeviceChoice.CUDA)


@pytest.mark.parametrize("choice", [DeviceChoice.AUTO, DeviceChoice.CPU])
def test_the_cpu_is_taken_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, choice: DeviceChoice
) -> None:
    without_cuda(monkeypatch)
    assert pick_device(choice) == CPU


def test_a_gpu_is_taken_unless_the_cpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda(monkeypatch)
    assert pick_device(DeviceChoice.AUTO).type == "cuda"
    assert pick_device(DeviceChoice.CUDA).type == "cuda"
    assert pick_device(DeviceChoice.CPU) == CPU


class Typed(nn.Module):
    """A network that notes its arithmetic and refuses some."""

    def __init__(self, refused: tuple[torch.dtype, ...] = (), error: type = RuntimeError) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.refused = refused
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        if x.dtype in self.refused:
            raise self.error(f"not implemented for {x.dtype}")
        return x[:, :1] * self.weight


def timed_as(monkeypatch: pytest.MonkeyPatch, seconds: dict[torch.dtype, float]) -> None:
    """The clock of the trial reads what the test says."""

    def timed(engine: TorchEngine, windows: np.ndarray) -> float:
        return seconds[engine.dtype] * len(windows)

    monkeypatch.setattr(factory, "_timed", timed)


@pytest.mark.parametrize(
    ("bfloat16_seconds", "chosen"),
    [(0.85, "bfloat16"), (0.95, "float32"), (1.0, "float32"), (3.0, "float32")],
)
def test_bfloat16_must_be_a_tenth_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_seconds: float, chosen: str
) -> None:
    timed_as(monkeypatch, {torch.float32: 1.0, torch.bfloat16: bfloat16_seconds})
    engine, trial = fastest(Typed(), CPU, 32)
    assert trial.device == "cpu"
    assert trial.chosen == chosen == engine.arithmetic
    assert trial.seconds_per_window == {"float32": 1.0, "bfloat16": bfloat16_seconds}


def test_the_trial_is_measured_and_the_engine_runs() -> None:
    engine, trial = fastest(nn.Conv2d(3, 1, 1), CPU, 32, channels=3)
    assert all(seconds > 0 for seconds in trial.seconds_per_window.values())
    assert engine.channels == 3
    assert engine.run(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 1, 32, 32)


def test_the_given_network_is_left_as_it_was() -> None:
    network = Typed().train()
    fastest(network, CPU, 32)
    assert network.training
    assert network.weight.dtype == torch.float32


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError])
@pytest.mark.parametrize(
    ("refused", "chosen"), [(torch.bfloat16, "float32"), (torch.float32, "bfloat16")]
)
def test_an_arithmetic_that_the_device_lacks_is_left_out(
    refused: torch.dtype, chosen: str, error: type
) -> None:
    engine, trial = fastest(Typed((refused,), error), CPU, 32)
    assert list(trial.seconds_per_window) == [chosen]
    assert trial.chosen == chosen
    assert engine.arithmetic == chosen


def test_a_device_that_runs_nothing_refused() -> None:
    with refused(DeviceError, "NO_ARITHMETIC", "cpu"):
        fastest(Typed((torch.float32, torch.bfloat16)), CPU, 32)
