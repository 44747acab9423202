"""What a user meets in a shell: answers, and for everything that cannot be done one line."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.refusals import holds

from afunet.cli.options import Formats, PieceFormats
from afunet.formats import mesh_files
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.models import MODELS, build_model, complexity
from afunet.models.checkpoint import save_checkpoint
from afunet.models.header import Header
from afunet.workflows import attempts, segment
from afunet.workflows.analyse import PLAN as ANALYSIS
from afunet.workflows.result_files import PIECE_FORMATS, RESULT_FORMATS

pytestmark = pytest.mark.usefixtures("small_pictures")
Run = Callable[..., Any]

PATIENT = {"PatientID": "one"}
SEGMENTING = next(step.name for step in ANALYSIS if step.share == 1)
FILES = {
    "mask.nii.gz",
    "instances.nii.gz",
    "overlay.png",
    "bone.stl",
    "scene.png",
    "report.json",
    "report.html",
}
COMMANDS = {
    "segment": "--output",
    "inspect": "--series",
    "reconstruct": "--max-triangles",
    "edit": "--undo",
    "serve": "--allow",
    "node": "purge",
    "phantom": "--seed",
    "models": "--help",
    "prepare": "--layout",
    "train": "--threads",
    "compress": "quantise",
    "compare": "--status",
    "evaluate": "--truth",
    "demo": "--output",
}


@dataclass(frozen=True)
class Kit:
    """What inputs are made of: an empty folder, the scan, and a writer of DICOM series."""

    root: Path
    scan: Volume
    weights: Path
    write_dicom: Callable[..., Path]

    @property
    def folder(self) -> Path:
        path = self.root / "in"
        path.mkdir(exist_ok=True)
        return path

    def nifti(self, voxels: np.ndarray | None = None) -> Path:
        path = self.folder / "ct.nii.gz"
        write_nifti(self.scan if voxels is None else Volume(voxels, self.scan.affine), path)
        return path

    def toml(self, *lines: str) -> Path:
        path = self.folder / "run.toml"
        path.write_text("\n".join([*lines, '[[data]]\npath = "somewhere"\n']))
        return path


@pytest.fixture
def kit(tmp_path: Path, cylinder: Volume, weights: Path, write_dicom: Callable[..., Path]) -> Kit:
    return Kit(tmp_path, cylinder, weights, write_dicom)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too, and its bytes; folders with none."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


# What is given to `afunet segment`, the code of the refusal, and what it must name.


def an_empty_folder(kit: Kit) -> tuple[Path, str, object]:
    return kit.folder, "NO_DICOM", 0


def a_path_that_does_not_exist(kit: Kit) -> tuple[Path, str, object]:
    return kit.root / "nothing", "NO_SUCH_PATH", kit.root / "nothing"


def a_folder_without_ct(kit: Kit) -> tuple[Path, str, object]:
    return kit.write_dicom(kit.folder, kit.scan, Modality="MR"), "NO_CT_SERIES", "MR"


def a_localizer_only(kit: Kit) -> tuple[Path, str, object]:
    kinds = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return kit.write_dicom(kit.folder, kit.scan, ImageType=kinds), "NO_CT_SERIES", 6


def a_dicom_file_cut_in_its_header(kit: Kit) -> tuple[Path, str, object]:
    path = kit.write_dicom(kit.folder, kit.scan) / "slice0003.dcm"
    path.write_bytes(path.read_bytes()[:700])
    return kit.folder, "CUT_FILE", "slice0003.dcm"


def a_dicom_file_cut_in_its_image(kit: Kit) -> tuple[Path, str, object]:
    path = kit.write_dicom(kit.folder, kit.scan) / "slice0003.dcm"
    path.write_bytes(path.read_bytes()[:-1000])
    return kit.folder, "CUT_PIXELS", 3


def a_text_file_named_dcm(kit: Kit) -> tuple[Path, str, object]:
    (kit.folder / "slice.dcm").write_text("these are not slices\n" * 20)
    return kit.folder, "NO_DICOM", 1


def a_series_without_positions(kit: Kit) -> tuple[Path, str, object]:
    folder = kit.write_dicom(kit.folder, kit.scan, ImagePositionPatient=None)
    return folder, "NO_POSITION", 6


def a_volume_with_nan(kit: Kit) -> tuple[Path, str, object]:
    voxels = kit.scan.voxels.astype(np.float32)
    voxels[2, 3, 4] = np.nan
    return kit.nifti(voxels), "NOT_FINITE", 13824


def a_constant_volume(kit: Kit) -> tuple[Path, str, object]:
    return kit.nifti(np.full_like(kit.scan.voxels, 7)), "CONSTANT_IMAGE", 7


REFUSED_SCANS = [
    an_empty_folder,
    a_path_that_does_not_exist,
    a_folder_without_ct,
    a_localizer_only,
    a_dicom_file_cut_in_its_header,
    a_dicom_file_cut_in_its_image,
    a_text_file_named_dcm,
    a_series_without_positions,
    a_volume_with_nan,
    a_constant_volume,
]


@pytest.mark.parametrize("make", REFUSED_SCANS, ids=lambda make: make.__name__)
def test_a_scan_that_cannot_be_read_is_one_line_and_leaves_nothing(
    make: Callable[[Kit], tuple[Path, str, object]], kit: Kit, run_afunet: Run
) -> None:
    path, code, named = make(kit)
    before = files_below(kit.root)
    done = run_afunet("segment", path, "-o", kit.root / "new" / "out", "-w", kit.weights)
    done.refused_as(code, named)
    assert done.code == 1
    assert files_below(kit.root) == before


def test_a_missing_slice_is_mended_and_told_or_refused_if_strict(kit: Kit, run_afunet: Run) -> None:
    folder = kit.write_dicom(kit.folder, kit.scan, skip=(3,))
    arguments = ("segment", folder, "-o", kit.root / "out", "-w", kit.weights)
    strict = run_afunet(*arguments, "--strict")
    strict.refused_as("GAP", 1)
    assert not (kit.root / "out").exists()
    done = run_afunet(*arguments)
    assert done.code == 0
    assert "warning: 1 " in done.out


# What is wrong with a weights file, and the code of its refusal.


def no_file(kit: Kit, path: Path) -> str:
    return "NO_WEIGHTS"


def a_cut_checkpoint(kit: Kit, path: Path) -> str:
    path.write_bytes(kit.weights.read_bytes()[:-200])
    return "WEIGHTS_BROKEN"


def a_checkpoint_with_one_altered_byte(kit: Kit, path: Path) -> str:
    altered = bytearray(kit.weights.read_bytes())
    altered[-5] ^= 1
    path.write_bytes(altered)
    return "WEIGHTS_ALTERED"


def a_text_file(kit: Kit, path: Path) -> str:
    path.write_text("weights\n" * 100)
    return "WEIGHTS_BROKEN"


def somebody_elses_safetensors(kit: Kit, path: Path) -> str:
    save_file({"weight": torch.zeros(3)}, str(path))
    return "WEIGHTS_FOREIGN"


def a_checkpoint_of_an_unknown_model(kit: Kit, path: Path) -> str:
    save_network(path, "net9000")
    return "WEIGHTS_MISFIT"


def a_checkpoint_of_another_model(kit: Kit, path: Path) -> str:
    save_network(path, "unet")
    return "WEIGHTS_MISFIT"


def save_network(path: Path, said: str) -> None:
    """A small AFU-Net in a file that says to hold another one."""
    network = build_model("afunet", {"width": 4, "depth": 2}, seed=0)
    save_checkpoint(path, network, Header(said, {}, (-300.0, 1300.0), (0.5, 2.0), 32))


REFUSED_WEIGHTS = [
    no_file,
    a_cut_checkpoint,
    a_checkpoint_with_one_altered_byte,
    a_text_file,
    somebody_elses_safetensors,
    a_checkpoint_of_an_unknown_model,
    a_checkpoint_of_another_model,
]


@pytest.mark.parametrize("spoil", REFUSED_WEIGHTS, ids=lambda spoil: spoil.__name__)
def test_weights_that_cannot_be_used_are_one_line_and_leave_nothing(
    spoil: Callable[[Kit, Path], str], kit: Kit, run_afunet: Run
) -> None:
    path = kit.root / "my.safetensors"
    code = spoil(kit, path)
    scan = kit.nifti()
    before = files_below(kit.root)
    done = run_afunet("segment", scan, "-o", kit.root / "out", "-w", path)
    done.refused_as(code, "net9000" if spoil is a_checkpoint_of_an_unknown_model else "")
    assert files_below(kit.root) == before


def test_a_series_that_is_not_there_is_refused(kit: Kit, run_afunet: Run) -> None:
    kit.write_dicom(kit.folder, kit.scan)
    output = kit.root / "out"
    done = run_afunet("segment", kit.folder, "-o", output, "-w", kit.weights, "--series", "9.9.9")
    done.refused_as("NO_SUCH_SERIES", "'9.9.9'")
    assert not output.exists()


def test_of_two_series_one_is_segmented_and_the_choice_is_explained(
    kit: Kit, run_afunet: Run
) -> None:
    kit.write_dicom(
        kit.folder / "a", Volume(kit.scan.voxels[:3], kit.scan.affine), seed=1, **PATIENT
    )
    kit.write_dicom(kit.folder / "b", kit.scan, seed=2, **PATIENT)
    done = run_afunet("segment", kit.folder, "-o", kit.root / "out", "-w", kit.weights)
    assert done.code == 0
    (said,) = (line for line in done.out.splitlines() if "warning: 2 " in line)
    assert said.index(" 6 ") < said.index(" 3 ")  # the one taken comes first
    mask = nibabel.load(kit.root / "out" / "mask.nii.gz")
    assert mask.shape == (48, 48, 6)


def test_a_single_slice_is_segmented(kit: Kit, run_afunet: Run) -> None:
    scan = kit.nifti(kit.scan.voxels[:1])
    done = run_afunet("segment", scan, "-o", kit.root / "out", "-w", kit.weights)
    assert done.code == 0
    assert {path.name for path in (kit.root / "out").iterdir()} == FILES | {".afunet.json"}
    mask = np.asarray(nibabel.load(kit.root / "out" / "mask.nii.gz").dataobj)
    assert np.array_equal(mask.T, kit.scan.voxels[:1] == 900)
    report = json.loads((kit.root / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["run"]["seconds"]["start-up"] > 0


def test_an_output_that_is_a_file_is_refused(kit: Kit, run_afunet: Run) -> None:
    taken = kit.root / "out"
    taken.write_text("mine")
    done = run_afunet("segment", kit.nifti(), "-o", taken, "-w", kit.weights)
    done.refused_as("NOT_A_FOLDER", taken)
    assert taken.read_text() == "mine"


def test_an_output_below_a_file_is_refused(kit: Kit, run_afunet: Run) -> None:
    (kit.root / "file").write_text("mine")
    done = run_afunet("segment", kit.nifti(), "-o", kit.root / "file" / "out", "-w", kit.weights)
    done.refused_as("NOT_A_FOLDER", kit.root / "file")


def test_an_output_name_that_the_system_refuses_is_one_line(kit: Kit, run_afunet: Run) -> None:
    done = run_afunet("segment", kit.nifti(), "-o", kit.root / ("x" * 300), "-w", kit.weights)
    done.refused_as("ENAMETOOLONG")


def test_an_output_without_write_permission_is_refused_before_the_work(
    kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    monkeypatch.setattr(segment, "read_scan", lambda *_, **__: pytest.fail("it was read"))
    done = run_afunet("segment", kit.nifti(), "-o", kit.root / "out", "-w", kit.weights)
    done.refused_as("EACCES", kit.root / "out")


def test_a_folder_that_cannot_be_made_is_one_line(
    kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = kit.nifti()
    before = files_below(kit.root)

    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "mkdir", refuse)
        done = run_afunet("segment", scan, "-o", kit.root / "out", "-w", kit.weights)
    done.refused_as("EACCES")
    assert files_below(kit.root) == before


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_costs_only_what_it_refuses(
    kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = kit.root / "out"
    monkeypatch.setitem(mesh_files.MESH_WRITERS, "stl", no_space)
    done = run_afunet("segment", kit.nifti(), "-o", output, "-w", kit.weights)
    assert done.code == 3
    assert done.codes == ("DISK_FULL",)
    assert done.err.startswith("error: ct: bone.stl ")
    assert done.err.count("\n") == 1
    assert {path.name for path in output.iterdir()} == FILES - {"bone.stl"} | {".afunet.json"}


def test_a_disk_that_takes_nothing_is_one_line_and_older_results_stay(
    kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, output = kit.nifti(), kit.root / "out"
    output.mkdir()
    for name in FILES:
        (output / name).write_text(f"older {name}")
    before = files_below(kit.root)
    with monkeypatch.context() as patched:
        patched.setattr(attempts.os, "replace", no_space)
        done = run_afunet("segment", scan, "-o", output, "-w", kit.weights)
    done.refused_as("DISK_FULL")
    assert done.code == 3
    assert files_below(kit.root) == before


def test_a_full_disk_leaves_none_of_the_folders_made_on_the_way(
    kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = kit.nifti()
    before = files_below(kit.root)
    with monkeypatch.context() as patched:
        patched.setattr(attempts.os, "replace", no_space)
        done = run_afunet("segment", scan, "-o", kit.root / "a" / "b" / "out", "-w", kit.weights)
    done.refused_as("DISK_FULL")
    assert files_below(kit.root) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_gpu_is_refused(kit: Kit, run_afunet: Run) -> None:
    scan, output = kit.nifti(), kit.root / "out"
    done = run_afunet("segment", scan, "-o", output, "-w", kit.weights, "--device", "cuda")
    done.refused_as("NO_CUDA", "--device cpu")
    assert not output.exists()


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_runtime_that_needs_an_onnx_file_is_refused_without(
    runtime: str, kit: Kit, run_afunet: Run
) -> None:
    options = ("-o", kit.root / "out", "-w", kit.weights, "--runtime", runtime)
    run_afunet("segment", kit.nifti(), *options).refused_as(
        "RUNTIME_MISFIT", kit.weights.name, runtime
    )


def test_what_is_no_onnx_file_is_refused(kit: Kit, run_afunet: Run) -> None:
    (kit.root / "own.onnx").write_bytes(b"no graph")
    options = ("-o", kit.root / "out", "-w", kit.root / "own.onnx")
    run_afunet("segment", kit.nifti(), *options).refused_as("WEIGHTS_BROKEN", "own.onnx")


@pytest.mark.usefixtures("small_pictures")
def test_the_report_tells_the_runtime_and_why(kit: Kit, run_afunet: Run) -> None:
    options = ("-o", kit.root / "out", "-w", kit.weights, "--runtime", "torch", "--device", "cpu")
    assert run_afunet("segment", kit.nifti(), *options).code == 0
    run = json.loads((kit.root / "out" / "report.json").read_text())["run"]
    assert (run["runtime"], run["device"]) == ("torch", "cpu")
    assert run["choice"]
    assert "torch on the CPU" in (kit.root / "out" / "report.html").read_text()


def test_an_unknown_runtime_is_a_wrong_call(kit: Kit, run_afunet: Run) -> None:
    done = run_afunet("segment", kit.nifti(), "-o", kit.root / "out", "--runtime", "tensorrt")
    assert done.code == 2
    assert "tensorrt" in done.err


def test_an_unknown_format_is_refused_with_those_there_are(kit: Kit, run_afunet: Run) -> None:
    scan, output = kit.nifti(), kit.root / "out"
    done = run_afunet("segment", scan, "-o", output, "--formats", "vrml")
    assert done.code == 2
    done.refused_as("CONFIG_ERROR", "vrml", ", ".join(RESULT_FORMATS))
    assert not output.exists()


@pytest.mark.parametrize("limit", ["-5", "nan", "inf"])
def test_an_impossible_speck_size_is_refused(limit: str, kit: Kit, run_afunet: Run) -> None:
    scan, output = kit.nifti(), kit.root / "out"
    done = run_afunet("segment", scan, "-o", output, "-w", kit.weights, "--speck-mm3", limit)
    done.refused_as("CONFIG_ERROR", "speck_mm3", float(limit))
    assert not output.exists()


def test_masks_on_different_grids_are_not_compared(kit: Kit, run_afunet: Run) -> None:
    bone = (kit.scan.voxels == 900).astype(np.uint8)
    moved = kit.scan.affine.copy()
    moved[0, 3] = 5.0
    for name, affine in (("mask.nii.gz", kit.scan.affine), ("truth.nii.gz", moved)):
        write_nifti(Volume(bone, affine), kit.folder / name)
    mask, truth = kit.folder / "mask.nii.gz", kit.folder / "truth.nii.gz"
    run_afunet("evaluate", mask, "--truth", truth).refused_as("OTHER_GRID")


def test_a_mask_without_its_truth_is_refused(kit: Kit, run_afunet: Run) -> None:
    run_afunet("evaluate", kit.nifti()).refused_as("PAIRS_UNEVEN", 1, 0)
    run_afunet("evaluate").refused_as("NOTHING_GIVEN", "--truth", "--data")


def test_masks_are_compared_with_the_truth(kit: Kit, run_afunet: Run) -> None:
    """16 voxels of bone, 8 of them found: Dice 2·8 / (8 + 16) = 2/3, precision 1, recall 1/2."""
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[0] = 1
    found = truth.copy()
    found[0, 2:] = 0
    for name, voxels in (("truth.nii.gz", truth), ("mask.nii.gz", found)):
        write_nifti(Volume(voxels, np.eye(4)), kit.folder / name)
    mask, label = kit.folder / "mask.nii.gz", kit.folder / "truth.nii.gz"
    done = run_afunet("evaluate", mask, "--truth", label)
    assert done.code == 0
    case = next(line for line in done.out.splitlines() if kit.folder.name in line.split())
    numbers = [word for word in case.split() if word.startswith(("0.", "1."))]
    assert numbers == ["0.6667", "0.5000", "0.5000", "1.0000"]  # Dice, IoU, recall, precision
    assert [line for line in done.out.splitlines() if line.strip().startswith("1 ")]


def test_folders_of_label_maps_are_compared_bone_by_bone(kit: Kit, run_afunet: Run) -> None:
    """One case is right, one lacks a bone, and one has no truth: said last, with exit code 1."""
    labels = np.array([[[1, 1, 0, 2]]], np.uint8)
    for name, voxels in (
        ("true/a", labels),
        ("true/b", labels),
        ("found/a", labels),
        ("found/b", np.minimum(labels, 2 - labels)),
        ("found/c", labels),
    ):
        path = kit.folder / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        write_nifti(Volume(voxels, np.eye(4)), path)
    (kit.folder / "true" / "labels.json").write_text('{"1": "femur", "2": "tibia"}')
    table = kit.root / "scores.csv"
    done = run_afunet("evaluate", kit.folder / "found", "--truth", kit.folder / "true", "-o", table)
    assert done.code == 1
    assert any(line.startswith("tibia: ") and holds(line, 1, 2) for line in done.out.splitlines())
    assert done.err.startswith("error: c: ")
    assert table.read_text().count("\n") == 1 + 3 + 3


def test_pieces_are_matched_one_by_one(kit: Kit, run_afunet: Run) -> None:
    pieces = kit.folder / "pieces.nii.gz"
    write_nifti(Volume(np.array([[[1, 1, 0, 2]]], np.uint8), np.eye(4)), pieces)
    command = ("evaluate", pieces, "--truth", pieces, "--fragments")
    done = run_afunet(*command, "--smallest-mm3", "1")
    assert done.code == 0
    run_afunet(*command, "--smallest-mm3", "-1").refused_as("CONFIG_ERROR", "--smallest-mm3", -1)


def test_scores_are_written_as_json_or_csv_only(kit: Kit, run_afunet: Run) -> None:
    mask = kit.nifti()
    done = run_afunet("evaluate", mask, "--truth", mask, "-o", kit.root / "scores.xlsx")
    done.refused_as("CONFIG_ERROR", ".json", ".csv")


def test_an_unknown_key_in_a_configuration_is_refused(kit: Kit, run_afunet: Run) -> None:
    config = kit.toml("stepz = 3")
    before = files_below(kit.root)
    done = run_afunet("train", config, "-o", kit.root / "run")
    done.refused_as("CONFIG_ERROR", "['stepz']")
    assert files_below(kit.root) == before


def test_an_unknown_model_in_a_configuration_is_refused(kit: Kit, run_afunet: Run) -> None:
    config = kit.toml('model = "net9000"')
    before = files_below(kit.root)
    done = run_afunet("train", config, "-o", kit.root / "run")
    done.refused_as("CONFIG_ERROR", "'net9000'")
    assert files_below(kit.root) == before


def test_training_data_that_are_not_there_are_refused(kit: Kit, run_afunet: Run) -> None:
    config = kit.toml()
    before = files_below(kit.root)
    run_afunet("train", config, "-o", kit.root / "run").refused_as("NO_SUCH_PATH", "somewhere")
    assert files_below(kit.root) == before


def test_an_impossible_number_of_threads_is_refused(kit: Kit, run_afunet: Run) -> None:
    done = run_afunet("train", kit.toml(), "-o", kit.root / "run", "--threads", "-1")
    done.refused_as("CONFIG_ERROR", "threads", -1)


def test_training_without_a_recipe_and_without_data_is_refused(kit: Kit, run_afunet: Run) -> None:
    done = run_afunet("train", "-o", kit.root / "run")
    done.refused_as("NOTHING_GIVEN")


def test_a_gpu_where_there_is_none_is_refused_before_training(
    run_file: Path, kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = run_afunet("train", run_file, "-o", kit.root / "run", "--device", "cuda")
    done.refused_as("NO_CUDA")
    assert not (kit.root / "run").exists()


@pytest.fixture
def run_file(kit: Kit) -> Path:
    """A configuration of one step on one slice for each of training and validation."""
    lines = ["case,patient,slice,split,status,labelled"]
    for case in ("train", "val"):
        for kind, value in (("images", 200), ("masks", 1)):
            pixels = np.zeros((32, 32), np.uint8)
            pixels[8:24, 8:24] = value
            (kit.folder / case / kind).mkdir(parents=True)
            Image.fromarray(pixels).save(kit.folder / case / kind / "00.png")
        lines.append(f"{case},{case},0,{case},checked,1")
    (kit.folder / "slices.csv").write_text("\n".join(lines) + "\n")
    path = kit.root / "run.toml"
    path.write_text(
        'model = "unet"\nsteps = 1\nbatch_size = 1\noptions.width = 4\ncrop.size_px = 32\n'
        f'[[data]]\npath = "{kit.folder}"\n'
    )
    return path


def test_a_run_is_trained_and_what_it_made_is_told(
    run_file: Path, kit: Kit, run_afunet: Run
) -> None:
    done = run_afunet("train", run_file, "-o", kit.root / "run", "--threads", "1")
    assert (done.code, done.err) == (0, "")
    assert re.search(r" 0\.\d+", done.out.splitlines()[0])  # the best validation Dice per case
    assert "best.safetensors" in done.out
    assert {"best.safetensors", "config.json", "log.csv"} <= {
        path.name for path in (kit.root / "run").iterdir()
    }


def test_a_run_in_the_place_of_a_file_is_refused(run_file: Path, kit: Kit, run_afunet: Run) -> None:
    run_afunet("train", run_file, "-o", run_file).refused_as("NOT_A_FOLDER", run_file)


def test_a_full_disk_in_training_is_one_line(
    run_file: Path, kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "save", no_space)
    done = run_afunet("train", run_file, "-o", kit.root / "run", "--device", "cpu")
    done.refused_as("DISK_FULL")


def test_an_unknown_split_is_refused(kit: Kit, run_afunet: Run) -> None:
    (kit.folder / "slices.csv").write_text("case,patient,slice,split,status,labelled\n")
    for kind in ("images", "masks"):
        (kit.folder / "leg" / kind).mkdir(parents=True)
        (kit.folder / "leg" / kind / "00.png").touch()
    with (kit.folder / "slices.csv").open("a") as table:
        table.write("leg,leg,0,val,checked,1\n")
    done = run_afunet("evaluate", "--data", kit.folder, "--split", "dev", "-w", kit.weights)
    done.refused_as("NO_LABELLED_SLICE", "'dev'")


@pytest.mark.parametrize(
    "wrong",
    [("--split", "dev"), ("--slices", "-2"), ("--format", "png"), ("--region", "arm")],
)
def test_a_phantom_that_nobody_could_use_is_refused(
    wrong: tuple[str, str], kit: Kit, run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afunet.workflows import phantom

    monkeypatch.setattr(phantom, "training_slices", lambda *_, **__: iter(()))
    slices = () if wrong[0] in ("--slices", "--format") else ("--slices", "2")
    done = run_afunet("phantom", "-o", kit.root / "out", *slices, *wrong)
    done.refused_as("CONFIG_ERROR", wrong[1])
    assert not (kit.root / "out").exists()


def test_several_scans_are_segmented_though_one_fails(kit: Kit, run_afunet: Run) -> None:
    good, output = kit.nifti(), kit.root / "out"
    (kit.folder / "empty").mkdir()
    again = kit.write_dicom(kit.folder / "dicom", kit.scan)
    done = run_afunet("segment", good, kit.folder / "empty", again, "-o", output, "-w", kit.weights)
    assert done.code == 1
    assert done.codes[0] == "NO_DICOM"
    assert done.err.startswith("error: empty: ")
    assert holds(done.out.splitlines()[-1], 2, 3)
    assert {path.name for path in output.iterdir()} == {"ct", "dicom"}
    assert {path.name for path in (output / "dicom").iterdir()} == FILES | {".afunet.json"}


def test_each_failure_among_several_scans_is_one_line(kit: Kit, run_afunet: Run) -> None:
    names = [kit.folder / f"a-scan-with-a-name-of-a-good-length-{number}" for number in range(2)]
    for name in names:
        name.mkdir()
    done = run_afunet("segment", *names, "-o", kit.root / "out", "-w", kit.weights)
    assert done.code == 1
    assert len(done.err.splitlines()) == 2


def test_names_with_square_brackets_are_shown_as_they_are(kit: Kit, run_afunet: Run) -> None:
    """rich's markup takes them as styles."""
    good = kit.nifti().rename(kit.folder / "[bold]left.nii.gz")
    bad = kit.folder / "[red]right"
    bad.mkdir()
    done = run_afunet("segment", good, bad, "-o", kit.root / "out", "-w", kit.weights)
    assert done.code == 1
    assert "case-001: " in done.out
    assert "[bold]left/mask.nii.gz" in done.out
    assert done.err.startswith("error: [red]right: ")


def test_what_was_found_is_said_and_progress_goes_to_a_pipe_as_lines(
    kit: Kit, run_afunet: Run
) -> None:
    bone_cm3 = np.count_nonzero(kit.scan.voxels == 900) * 2 / 1000
    done = run_afunet("segment", kit.nifti(), "-o", kit.root / "out", "-w", kit.weights)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"ct: {bone_cm3:.1f} cm³ ")
    stages = [line.split("] ")[1].split(",")[0] for line in done.progress]
    assert stages[1:3] == [step.name for step in segment.LOADING_PLAN]
    assert stages[-1] == segment.CASE_PLAN[-1].name
    assert SEGMENTING in stages
    quiet = run_afunet("segment", kit.nifti(), "-o", kit.root / "out", "-w", kit.weights, "-q")
    assert quiet.progress == ()
    assert all(name in done.out for name in FILES)


def test_inspect_lists_every_series_and_marks_the_one_to_be_read(kit: Kit, run_afunet: Run) -> None:
    short = Volume(kit.scan.voxels[:3], kit.scan.affine)
    scout = Volume(kit.scan.voxels[:1], kit.scan.affine)
    kit.write_dicom(kit.folder / "a", short, seed=1, **PATIENT)
    kit.write_dicom(kit.folder / "b", kit.scan, seed=2, **PATIENT)
    kinds = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    kit.write_dicom(kit.folder / "c", scout, seed=3, **PATIENT, ImageType=kinds)
    done = run_afunet("inspect", kit.folder)
    assert done.code == 0
    assert re.search(r"^→ \w+ 2: ", done.out, re.MULTILINE)
    assert done.out.count("--series 2.25.") == 3
    assert done.out.count("→") == 1
    assert re.search(r"^  \w+ 3: ", done.out, re.MULTILINE)


def test_scans_of_two_patients_are_not_guessed_between(kit: Kit, run_afunet: Run) -> None:
    kit.write_dicom(kit.folder / "a", kit.scan, seed=1, PatientID="one")
    kit.write_dicom(kit.folder / "b", kit.scan, seed=2, PatientID="two")
    done = run_afunet("segment", kit.folder, "-o", kit.root / "out", "-w", kit.weights)
    assert done.code == 1
    done.refused_as("SEVERAL_PATIENTS", 2)
    listed = run_afunet("inspect", kit.folder).out
    assert "→" not in listed
    assert listed.count(done.refusal.split(":")[0]) == 2
    uid = next(line.split()[-1] for line in listed.splitlines() if line.startswith("    --series"))
    chosen = ("--series", uid, "-w", kit.weights)
    assert run_afunet("segment", kit.folder, "-o", kit.root / "out", *chosen).code == 0


def test_inspect_gives_a_series_that_segment_takes(kit: Kit, run_afunet: Run) -> None:
    kit.write_dicom(
        kit.folder / "a", Volume(kit.scan.voxels[:3], kit.scan.affine), seed=1, **PATIENT
    )
    kit.write_dicom(kit.folder / "b", kit.scan, seed=2, **PATIENT)
    listed = run_afunet("inspect", kit.folder).out
    uid = next(line.split()[-1] for line in listed.splitlines() if "--series" in line)
    output = kit.root / "out"
    done = run_afunet("segment", kit.folder, "-o", output, "-w", kit.weights, "--series", uid)
    assert done.code == 0
    assert nibabel.load(output / "mask.nii.gz").shape == (48, 48, 3)


def test_help_names_every_command(run_afunet: Run) -> None:
    done = run_afunet("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, run_afunet: Run) -> None:
    done = run_afunet(command, "--help")
    assert done.code == 0
    assert done.err == ""
    assert COMMANDS[command] in done.out


def test_an_unknown_command_is_a_usage_error(run_afunet: Run) -> None:
    done = run_afunet("segmnet")
    assert done.code == 2
    assert "segmnet" in done.err


def test_models_lists_every_network(run_afunet: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = complexity.Complexity(1_234_567, 8.9, receptive_field=None, local_field=321)
    monkeypatch.setattr(complexity, "complexity", lambda _: cost)
    done = run_afunet("models")
    assert done.code == 0
    assert done.out.count("1,234,567") == len(MODELS)
    assert all(name in done.out for name in MODELS)
    assert done.out.count("(321 ") == len(MODELS)


def test_models_tells_the_extra_of_networks_that_are_not_installed(
    run_afunet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = complexity.Complexity(1_234_567, 8.9, receptive_field=None, local_field=321)
    monkeypatch.setattr(complexity, "complexity", lambda _: cost)
    monkeypatch.setitem(sys.modules, "monai", None)
    done = run_afunet("models")
    assert done.code == 0
    foreign = [name for name, one in MODELS.items() if one.package == "monai"]
    assert done.out.count("'afunet[bench]'") == len(foreign) == 3
    assert done.out.count("1,234,567") == len(MODELS) - 3


def test_help_names_every_format() -> None:
    for option, formats in ((Formats, RESULT_FORMATS), (PieceFormats, PIECE_FORMATS)):
        (told,) = option.__metadata__
        assert set(formats) <= set(re.findall(r"[\w.]*\w", told.help))
