"""What every engine promises; a new runtime is picked up by its line in `ENGINES`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from afunet.errors import CheckpointError, DeviceError
from afunet.inference.engines.engine import Engine
from afunet.inference.engines.onnx_engine import onnx_engine
from afunet.inference.engines.openvino_engine import openvino_engine
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.engines.torch_engine import TorchEngine, build_engine
from afunet.models import build_model
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.header import Header
from afunet.models.network_file import NetworkFile

CPU = torch.device("cpu")
Build = Callable[[nn.Module, int, int], Engine]
"""Of a network of so many channels and classes."""


def torch_float32(network: nn.Module, channels: int, classes: int) -> Engine:
    return build_engine(network, CPU, channels=channels, classes=classes)


def torch_bfloat16(network: nn.Module, channels: int, classes: int) -> Engine:
    return build_engine(network, CPU, torch.bfloat16, channels=channels, classes=classes)


GRAPHS: dict[str, bytes] = {}


def graph_of(network: nn.Module, channels: int) -> bytes:
    """The ONNX graph of a network, exported once for the same weights: it takes seconds."""
    digest = hashlib.sha256(type(network).__name__.encode())
    for value in network.state_dict().values():
        digest.update(value.numpy().tobytes())
    key = f"{digest.hexdigest()} {channels}"
    if key not in GRAPHS:
        example = torch.zeros(2, channels, 64, 96)
        GRAPHS[key] = onnx_of(network, example, WINDOWS).SerializeToString()
    return GRAPHS[key]


def exported(network: nn.Module, channels: int, classes: int) -> NetworkFile:
    names = tuple(f"class {number}" for number in range(classes))
    header = Header("any", {"input_slices": channels}, (0, 1), (1, 1), 32, classes=names)
    return NetworkFile("any.onnx", header, "", graph=graph_of(network, channels))


def onnx(network: nn.Module, channels: int, classes: int) -> Engine:
    return onnx_engine(exported(network, channels, classes), "cpu", "float32")


def openvino(network: nn.Module, channels: int, classes: int) -> Engine:
    pytest.importorskip("openvino")
    return openvino_engine(exported(network, channels, classes), "cpu", "float32")


ENGINES: dict[str, Build] = {
    "torch float32": torch_float32,
    "torch bfloat16": torch_bfloat16,
    "onnx float32": onnx,
    "openvino float32": openvino,
}
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.03}
"""Of logits between -1 and 1 against the network itself."""

every_engine = pytest.mark.parametrize("build", ENGINES.values(), ids=list(ENGINES))
SIZES = [(8, 8), (33, 47), (16, 101), (65, 64), (256, 32)]


def network_of(channels: int) -> nn.Module:
    """AFU-Net whose running statistics are no longer 0 and 1."""
    options = {"width": 4, "depth": 2, "input_slices": channels}
    network = build_model("afunet", options, seed=0)
    network.train()(torch.rand(2, channels, 40, 40, generator=torch.Generator().manual_seed(0)))
    return network.eval()


class Classes(nn.Module):
    """As many logits a pixel as there are `classes`: one minus the other of two slices, scaled."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("scales", torch.arange(1, classes + 1).view(1, -1, 1, 1) / classes)

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, :1] - x[:, 1:2]) * self.scales


def windows_of(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@every_engine
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_windows_of_any_size_give_the_network_s_logits(
    build: Build, size: tuple[int, int], channels: int
) -> None:
    network = network_of(channels)
    engine = build(network, channels, 1)
    windows = windows_of(2, channels, *size)
    logits = engine.run(windows)
    assert (logits.shape, logits.dtype) == ((2, 1, *size), np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(windows)).numpy()
    assert np.abs(expected).max() < 1
    assert expected.std() > 1e-3
    np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE[engine.arithmetic])


@every_engine
@pytest.mark.parametrize("classes", [2, 5])
def test_each_class_has_its_channel(build: Build, classes: int) -> None:
    engine = build(Classes(classes), 2, classes)
    windows = windows_of(3, 2, 9, 14)
    logits = engine.run(windows)
    assert logits.shape == (3, engine.classes, 9, 14) == (3, classes, 9, 14)
    scales = np.arange(1, classes + 1)[None, :, None, None] / classes
    expected = (windows[:, :1] - windows[:, 1:2]) * scales
    np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE[engine.arithmetic])


@every_engine
def test_a_batch_of_one_and_every_part_of_a_batch_say_what_the_batch_says(build: Build) -> None:
    engine = build(network_of(1), 1, 1)
    windows = windows_of(7, 1, 32, 24)
    whole = engine.run(windows)
    parts = [engine.run(windows[a:b]) for a, b in ((0, 1), (1, 4), (4, 7))]
    atol = TOLERANCE[engine.arithmetic]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=atol)


@every_engine
def test_the_same_windows_give_the_same_logits_and_are_left_as_they_were(build: Build) -> None:
    engine = build(network_of(1), 1, 1)
    windows = windows_of(2, 1, 40, 40)
    before = windows.copy()
    first = engine.run(windows)
    kept = first.copy()
    engine.run(windows_of(2, 1, 40, 40, seed=2))
    assert np.array_equal(engine.run(windows), kept)
    assert np.array_equal(first, kept), "a later run wrote into an earlier result"
    assert np.array_equal(windows, before)


@every_engine
def test_views_and_read_only_windows_are_taken(build: Build) -> None:
    engine = build(network_of(1), 1, 1)
    windows = windows_of(2, 1, 24, 40)
    mirrored = windows[..., ::-1]
    expected = engine.run(np.ascontiguousarray(mirrored))
    assert np.array_equal(engine.run(mirrored), expected)
    windows.flags.writeable = False
    assert np.isfinite(engine.run(windows)).all()


@every_engine
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_but_air_or_metal_gives_finite_logits(build: Build, value: float) -> None:
    engine = build(network_of(1), 1, 1)
    assert np.isfinite(engine.run(np.full((1, 1, 33, 33), value, dtype=np.float32))).all()


@every_engine
def test_the_network_it_was_made_of_may_change_and_it_does_not(build: Build) -> None:
    network = network_of(1)
    engine = build(network, 1, 1)
    windows = windows_of(1, 1, 24, 24)
    before = engine.run(windows)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert np.array_equal(engine.run(windows), before)


@every_engine
@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 5, 32, 32), (3, 32, 32)], ids=str)
def test_another_number_of_slices_is_refused_in_one_line(
    build: Build, shape: tuple[int, ...]
) -> None:
    engine = build(network_of(3), 3, 1)
    with pytest.raises(CheckpointError) as refusal:
        engine.run(windows_of(*shape))
    line = str(refusal.value)
    assert "\n" not in line
    assert "(N, 3, rows, columns)" in line
    assert str(shape) in line


@every_engine
def test_it_says_where_and_with_what_it_runs(build: Build) -> None:
    engine = build(network_of(3), 3, 1)
    assert (engine.channels, engine.classes, engine.device) == (3, 1, "cpu")
    assert engine.arithmetic in TOLERANCE
    assert engine.runtime in RUNTIMES
    assert engine.windows_per_batch >= 1


@every_engine
def test_smaller_ones_halve_their_batch_until_nothing_smaller_is_left(build: Build) -> None:
    network = network_of(1)
    engine = build(network, 1, 1)
    windows = windows_of(2, 1, 24, 24)
    expected = engine.run(windows)
    while engine.windows_per_batch > 1:
        smaller, what = engine.smaller()
        assert smaller.windows_per_batch == engine.windows_per_batch // 2
        assert str(smaller.windows_per_batch) in what
        assert np.array_equal(smaller.run(windows), expected)
        engine = smaller
    with pytest.raises(DeviceError) as refusal:
        engine.smaller()
    assert "\n" not in str(refusal.value)


# What is PyTorch's own.


@dataclass(eq=False)
class Starving(nn.Module):
    """A network for which memory holds `fits` windows at a time; it notes what it was given."""

    error: Exception
    fits: int = 0
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        if len(x) > self.fits:
            raise self.error
        return x


CUDA_WORDS = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
CPU_WORDS = RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate")


@pytest.mark.parametrize("error", [CUDA_WORDS, CPU_WORDS], ids=["cuda", "cpu"])
def test_both_of_pytorch_s_ways_of_saying_out_of_memory_are_understood(error: Exception) -> None:
    engine = TorchEngine(Starving(error), CPU, torch.float32, 2)
    with pytest.raises(MemoryError):
        engine.run(windows_of(2, 1, 8, 8))


def test_an_error_of_another_kind_is_not_taken_for_want_of_memory() -> None:
    engine = TorchEngine(Starving(RuntimeError("shapes do not match")), CPU, torch.float32, 2)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        engine.run(windows_of(2, 1, 8, 8))
