"""The trial that picks an arithmetic, on this machine's CPU."""

import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import DeviceError
from afunet.inference import device
from afunet.inference.device import DeviceChoice, best_engine, pick_device
from afunet.inference.predictor import Engine

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

    def timed(engine: Engine, windows: Tensor) -> float:
        return seconds[engine.dtype] * len(windows)

    monkeypatch.setattr(device, "_timed", timed)


@pytest.mark.parametrize(
    ("bfloat16_seconds", "chosen"),
    [(0.85, "bfloat16"), (0.95, "float32"), (1.0, "float32"), (3.0, "float32")],
)
def test_bfloat16_must_be_a_tenth_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_seconds: float, chosen: str
) -> None:
    timed_as(monkeypatch, {torch.float32: 1.0, torch.bfloat16: bfloat16_seconds})
    engine, trial = best_engine(Typed(), CPU, 32)
    assert trial.device == "cpu"
    assert trial.chosen == chosen == str(engine.dtype).removeprefix("torch.")
    assert trial.seconds_per_window == {"float32": 1.0, "bfloat16": bfloat16_seconds}


def test_the_trial_is_measured_and_the_engine_runs() -> None:
    engine, trial = best_engine(nn.Conv2d(3, 1, 1), CPU, 32, input_slices=3)
    assert all(seconds > 0 for seconds in trial.seconds_per_window.values())
    assert engine.run(torch.rand(2, 3, 32, 32)).shape == (2, 32, 32)


def test_the_given_network_is_left_as_it_was() -> None:
    network = Typed().train()
    best_engine(network, CPU, 32)
    assert network.training
    assert network.weight.dtype == torch.float32


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError])
@pytest.mark.parametrize(
    ("refused", "chosen"), [(torch.bfloat16, "float32"), (torch.float32, "bfloat16")]
)
def test_an_arithmetic_that_the_device_lacks_is_left_out(
    refused: torch.dtype, chosen: str, error: type
) -> None:
    engine, trial = best_engine(Typed((refused,), error), CPU, 32)
    assert list(trial.seconds_per_window) == [chosen]
    assert trial.chosen == chosen
    assert str(engine.dtype) == f"torch.{chosen}"


def test_a_device_that_runs_nothing_is_refused() -> None:
    with refused(DeviceError, "NO_ARITHMETIC", "cpu"):
        best_engine(Typed((torch.float32, torch.bfloat16)), CPU, 32)


def test_a_device_whose_memory_holds_only_one_window_is_still_used() -> None:
    class OneWindow(Typed):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(x)

    engine, _ = best_engine(OneWindow(), CPU, 32)
    assert engine.windows_per_batch == 1
