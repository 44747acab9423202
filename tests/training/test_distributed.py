"""Two processes train as one with the same batch; tried with gloo, started by torchrun."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.refusals import refused
from torch import Tensor, nn

from afunet.errors import DeviceError
from afunet.training.distributed import ALONE, SharedBatchNorm2d, World, joined, own_device

CONFIG = """
options = { width = 4, depth = 2 }
steps = 3
batch_size = 4
crop = { size_px = 32 }
learning_rate = 1e-2
optimizer = "sgd"
average_decay = 0.5
recalibration_batches = 1
validate_every = 3

[[data]]
path = "store"
"""


def train_with(processes: int, store: Path, run: str, config: str = CONFIG) -> Path:
    """A run of the command line, alone or under torchrun."""
    toml = store.parent / f"{run}.toml"
    toml.write_text(config)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "afunet", "train"]
    done = subprocess.run(
        [*command, str(toml), "-o", str(store.parent / run), "--device", "cpu", "--threads", "1"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return store.parent / run


def losses(run: Path) -> list[float]:
    return [float(line.split(",")[1]) for line in (run / "log.csv").read_text().splitlines()[1:]]


def weights_of(run: Path) -> dict[str, Tensor]:
    model: dict[str, Tensor] = torch.load(run / "last.pt", weights_only=True)["model"]
    return model


def test_two_processes_have_the_losses_and_the_weights_of_one(store: Path) -> None:
    alone, two = train_with(1, store, "alone"), train_with(2, store, "two")
    assert losses(two) == pytest.approx(losses(alone), abs=2e-6)
    assert len(losses(two)) == 3
    for name, value in weights_of(alone).items():
        torch.testing.assert_close(weights_of(two)[name], value, atol=2e-5, rtol=1e-4)
    fresh = train_with(1, store, "fresh", CONFIG.replace("steps = 3", "steps = 1"))
    name = "head.weight"
    assert not torch.allclose(
        weights_of(fresh)[name], weights_of(alone)[name], atol=2e-5, rtol=1e-4
    )


def test_two_processes_learn_from_a_teacher_what_one_does(store: Path, weights: Path) -> None:
    taught = f"distillation = {{ teacher = '{weights}' }}\n{CONFIG}"
    taught = taught.replace("size_px = 32", "size_px = 32, sizes_px = [32, 16]")
    alone = train_with(1, store, "alone", taught)
    two = train_with(2, store, "two", taught)
    assert losses(two) == pytest.approx(losses(alone), abs=2e-6)
    assert len(losses(two)) == 3
    names = {path.name for path in two.iterdir()}
    assert {"taught-0.npz", "best.safetensors", "result.json"} <= names
    assert not any(name.startswith(".") for name in names)


def test_shared_batch_normalisation_alone_is_pytorchs_own() -> None:
    """Output, gradients and running statistics of a batch, and evaluation after it."""
    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, 6) * 2 + 1
    plain, shared = nn.BatchNorm2d(4), SharedBatchNorm2d(4)
    results = []
    for norm in (plain, shared):
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        inputs = x.clone().requires_grad_()
        out = norm(inputs)
        (out**3).sum().backward()
        assert inputs.grad is not None
        evaluated = norm.eval()(x)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        results.append([out, inputs.grad, evaluated, norm.running_mean, norm.running_var])
    for expected, got in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)


def test_one_process_changes_neither_network_nor_values() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert ALONE.wrapped(network) is network
    assert type(network[1]) is nn.BatchNorm2d
    value = torch.tensor([1.0])
    assert ALONE.total(value) is value


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(torch.device("cpu")) as world:
        assert world == World(0, 1)
        assert world.leads
        assert list(range(5))[world.part] == [0, 1, 2, 3, 4]


def test_each_process_takes_every_nth_row() -> None:
    assert list(range(6))[World(1, 3).part] == [1, 4]


def test_processes_that_cannot_meet_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with (
        refused(DeviceError, "PROCESSES_NOT_JOINED", 2),
        joined(torch.device("cpu")),
    ):
        pass


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with refused(DeviceError, "TOO_FEW_GPUS", 3, 2):
        own_device(torch.device("cuda"))
    assert own_device(torch.device("cpu")) == torch.device("cpu")
