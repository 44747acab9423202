"""Graphs in whole numbers, as onnxruntime's quantiser makes them, run by the engines."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from tests.refusals import refused

from afunet.errors import CheckpointError
from afunet.inference.cpu import Cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.factory import best_engine
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.export import WINDOWS, onnx_of
from afunet.models.header import METADATA_KEY, Header
from afunet.models.network_file import load_network_file
from afunet.models.onnx_file import write_int8

CPU = Cpu("Laptop", "x86_64", frozenset({"avx2", "avx512_bf16"}), 1)
HEADER = Header("any", {}, (-300.0, 1300.0), (0.3, 1.0), 32)
MADE_OF = "ab" * 32


class Examples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.left = iter([rng.random((1, 1, 32, 32), dtype=np.float32) for _ in range(4)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        window = next(self.left, None)
        return None if window is None else {"windows": window}


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 1))
    return torch.nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def path(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8")
    onnx.save(onnx_of(network, torch.zeros(2, 1, 32, 48), WINDOWS), folder / "whole.onnx")
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    source, target = str(folder / "whole.onnx"), str(folder / "raw.onnx")
    quantize_static(source, target, Examples(), per_channel=True, reduce_range=True, **types)
    graph = onnx.load(target)
    del graph.metadata_props[:]
    write_int8(
        folder / "int8.onnx", graph.SerializeToString(), METADATA_KEY, HEADER.saved(), MADE_OF
    )
    return folder / "int8.onnx"


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_it_runs_and_says_nearly_what_the_network_says(
    runtime: str, path: Path, network: torch.nn.Module
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    file = load_network_file(path)
    engine, trial = best_engine(file, DeviceChoice.CPU, RuntimeChoice(runtime), CPU)
    assert (engine.runtime, engine.arithmetic) == (runtime, "int8")
    assert (trial.chosen, trial.seconds_per_window) == (f"{runtime} int8", {})
    windows = np.random.default_rng(1).random((3, 1, 40, 56), dtype=np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(windows)).numpy()
    logits = engine.run(windows)
    assert np.abs(logits - expected).max() < 0.1 * np.ptp(expected)
    assert not np.array_equal(logits, expected)


def test_pytorch_does_not_run_it(path: Path) -> None:
    with refused(CheckpointError, "RUNTIME_MISFIT", path.name, "int8", "torch"):
        best_engine(load_network_file(path), DeviceChoice.CPU, RuntimeChoice.TORCH, CPU)


def test_the_expected_dice_of_the_weights_it_is_made_of_is_not_its_own(path: Path) -> None:
    assert load_network_file(path).header.expected_dice is None
    assert load_network_file(path).sha256 != MADE_OF
