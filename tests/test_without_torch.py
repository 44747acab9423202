"""The base install: each command in a new interpreter that has no PyTorch, on the shipped weights.

`make light` runs this in an environment without PyTorch too, named by `AFUNET_LIGHT`, and compares
the mask of the demo's leg with PyTorch's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afunet.evaluation.overlap import count, dice
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_labels, read_scan
from afunet.geometry import Volume
from afunet.inference.engines.factory import Trial
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.models.network_file import load_network_file
from afunet.models.shipped import shipped_path
from afunet.workflows.analyse import AnalysisRules, analyse
from afunet.workflows.network import Network

EXTRAS = ("torch", "onnx", "onnxscript", "tensorboard", "openvino", "fastapi", "uvicorn")
LIGHT = os.environ.get("AFUNET_LIGHT", "")
RUN = f"""
import sys
from importlib.machinery import PathFinder
class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {EXTRAS}
        return None if hidden else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
from afunet.__main__ import main
try:
    main()
finally:
    print("imported", *sorted(sys.modules))
"""
NEVER = {"highdicom", "dicomanonymizer", "pydicom.sr", "SimpleITK", "matplotlib", "scipy.stats"}
PICTURES = {"trimesh", "jinja2", "vtkmodules", "skimage"}
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [LIGHT or sys.executable, "-c", RUN, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def imported_by(*arguments: object) -> set[str]:
    """What a command imported that succeeded."""
    done = without_torch(*arguments)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def series(
    cylinder: Volume, write_dicom: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_dicom(tmp_path_factory.mktemp("light") / "ct", cylinder)


@pytest.fixture(scope="module")
def labels(cylinder: Volume, series: Path) -> Path:
    path = series.parent / "label.nii.gz"
    write_nifti(cylinder.with_voxels((cylinder.voxels > 500).astype(np.uint8)), path)
    return path


def test_inspect_imports_what_reads(series: Path) -> None:
    unused = NEVER | PICTURES | {"onnxruntime"}
    assert imported_by("inspect", series) & unused == set()


def test_segment_runs_and_writes_its_report(series: Path, tmp_path: Path) -> None:
    imported = imported_by("segment", series, "-o", tmp_path / "out")
    assert imported & NEVER == set()
    assert "onnxruntime" in imported
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["not_written"] == []
    assert {"mask.nii.gz", "bone.stl", "scene.png"} <= set(report["files"])


def test_reconstruct_makes_a_surface(labels: Path, tmp_path: Path) -> None:
    imported = imported_by("reconstruct", labels, "-o", tmp_path)
    assert imported & (NEVER | {"trimesh", "jinja2"}) == set()
    assert (tmp_path / "bone.stl").stat().st_size > 84


def test_evaluate_compares(labels: Path, tmp_path: Path) -> None:
    scores = tmp_path / "scores.json"
    imported = imported_by("evaluate", labels, "--truth", labels, "-o", scores)
    assert imported & (NEVER | PICTURES | {"onnxruntime"}) == set()
    (case,) = json.loads(scores.read_text())["cases"].values()
    assert case["all bone"]["dice"] == 1.0


def test_phantom_draws(tmp_path: Path) -> None:
    imported = imported_by("phantom", "--slices", 1, "-o", tmp_path / "slices")
    assert imported & {"highdicom", "trimesh", "jinja2", "onnxruntime", "matplotlib"} == set()


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train", "--data", "store", "-o", "run"], "train"),
        (["compare", "table.toml", "-o", "out"], "train"),
        (["models"], "train"),
        (["segment", "{series}", "-o", "out", "--runtime", "torch"], "train"),
        (["segment", "{series}", "-o", "out", "--runtime", "openvino"], "openvino"),
        (["serve", "--data", "data"], "serve"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(
    arguments: list[str], extra: str, series: Path, tmp_path: Path
) -> None:
    done = without_torch(*(word.format(series=series) for word in arguments))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert done.stderr.endswith(f"pip install 'afunet[{extra}]'\n")


def mask_by_pytorch(series: Path) -> NDArray[np.bool_]:
    """In float32, whatever else this processor has."""
    file = load_network_file(shipped_path())
    engine = RUNTIMES["torch"].open(file, "cpu", "float32")
    network = Network(file.header, file.sha256, engine, Trial("cpu", "torch float32", ""))
    rules = AnalysisRules(pieces=False, trust=False)
    return analyse(read_scan(series), network, rules).mask.voxels > 0


@pytest.mark.skipif(not LIGHT, reason="AFUNET_LIGHT names no Python without PyTorch: make light")
def test_the_demo_has_the_mask_that_pytorch_makes(tmp_path: Path) -> None:
    asked = [LIGHT, "-c", "import importlib.util as util; print(util.find_spec('torch'))"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "None\n"
    imported_by("demo", "-o", tmp_path)
    run = json.loads((tmp_path / "result" / "report.json").read_text())["run"]
    assert (run["runtime"], run["arithmetic"]) == ("onnx", "float32")
    mask = read_labels(tmp_path / "result" / "mask.nii.gz").voxels > 0
    theirs = mask_by_pytorch(tmp_path / "phantom" / "dicom")
    different = np.argwhere(mask != theirs)
    print(f"{len(different)} of {mask.sum()} voxels of bone differ:", *different.tolist())
    assert dice(count(mask, theirs)) >= 0.9999
