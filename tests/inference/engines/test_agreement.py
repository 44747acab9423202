"""All runtimes give the same mask: the shipped network on slices of a simulated leg."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from afunet.formats.readers import read_scan
from afunet.geometry import Volume
from afunet.inference.engines.engine import Engine
from afunet.inference.engines.factory import Trial
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.models.network_file import NetworkFile, load_network_file
from afunet.models.shipped import shipped_path
from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate
from afunet.workflows.analyse import AnalysisRules, analyse
from afunet.workflows.network import Network

LEAST_DICE = 0.9999
OTHERS = [name for name in RUNTIMES if name != "onnx"]
"""Than onnxruntime, which every installation has."""


@pytest.fixture(scope="module")
def shipped() -> NetworkFile:
    return load_network_file(shipped_path())


@pytest.fixture(scope="module")
def leg() -> Volume:
    """Three slices of a knee, 0.6 mm a pixel."""
    grid = axial_grid((3, 192, 192), 0.6, 8.0, (100.0, -4.0, 18.0))
    return simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=1.5))).volume


def opened(name: str, file: NetworkFile) -> Engine:
    if not RUNTIMES[name].installed:
        pytest.skip(f"{name} is not installed")
    return RUNTIMES[name].open(file, "cpu", "float32")


def mask_by(name: str, file: NetworkFile, leg: Volume) -> np.ndarray:
    network = Network(file.header, file.sha256, opened(name, file), Trial("cpu", name, ""))
    return analyse(read_scan(leg), network, AnalysisRules(pieces=False, trust=False)).mask.voxels


@pytest.fixture(scope="module")
def by_onnxruntime(shipped: NetworkFile, leg: Volume) -> np.ndarray:
    return mask_by("onnx", shipped, leg)


@pytest.mark.parametrize("name", OTHERS)
def test_masks_agree(
    name: str, shipped: NetworkFile, leg: Volume, by_onnxruntime: np.ndarray
) -> None:
    mask = mask_by(name, shipped, leg)
    assert by_onnxruntime.sum() > 5000
    different = np.argwhere(mask != by_onnxruntime)
    dice = 2 * (mask & by_onnxruntime).sum() / (mask.sum() + by_onnxruntime.sum())
    print(f"{name}: {len(different)} of {by_onnxruntime.sum()} voxels, Dice {dice:.6f}")
    assert dice >= LEAST_DICE, different


def test_two_runs_give_the_same_mask(
    shipped: NetworkFile, leg: Volume, by_onnxruntime: np.ndarray
) -> None:
    assert np.array_equal(mask_by("onnx", shipped, leg), by_onnxruntime)


def resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
    return int(kilobytes) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_memory_does_not_grow_with_the_number_of_sizes(name: str, shipped: NetworkFile) -> None:
    """After the largest size has come, twelve smaller ones find room in what it took."""
    engine = opened(name, shipped)
    rng = np.random.default_rng(0)

    def run(rows: int, columns: int) -> None:
        engine.run(rng.random((1, 1, rows, columns), dtype=np.float32))

    run(192, 192)
    run(64, 96)
    before = resident_mb()
    for rows in (96, 128, 160):
        for columns in (64, 96, 128, 160):
            run(rows, columns)
    assert resident_mb() - before < 40


def test_openvino_comes_without_its_converter_and_its_telemetry() -> None:
    pytest.importorskip("openvino")
    asked = (
        "import sys; from afunet.inference.engines.openvino_engine import _openvino; "
        "_openvino().Core(); "
        "print([name for name in sys.modules if 'telemetry' in name or '.ovc' in name])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
