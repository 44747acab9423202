"""No result dies with another: each is made and written on its own, and what is missing is told."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest
from tests.refusals import refused
from typer.testing import CliRunner

from afunet.cli import app
from afunet.errors import AfunetError, ExitCode, OutputError
from afunet.formats import mesh_files
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.phantom import LegConfig
from afunet.reconstruction.pieces import Piece
from afunet.report.case.facts import Report
from afunet.workflows import (
    analyse,
    attempts,
    case_pages,
    case_writing,
    dicom_results,
    dividing,
    phantom,
    reconstruct,
    result_files,
)
from afunet.workflows.own_files import LIST
from afunet.workflows.segment import Segmenter, SegmentOptions
from afunet.workflows.segment_many import worst

pytestmark = pytest.mark.usefixtures("small_pictures")
SECRET = "Quillfeather"

ERRORS: dict[str, tuple[Callable[[], Exception], str]] = {
    "a refusal": (lambda: OutputError("the study date is none", code="SEG_REFUSED"), "SEG_REFUSED"),
    "a fault that quotes the patient": (lambda: ValueError(f"bad name {SECRET}"), "PROGRAM_ERROR"),
    "a missing key": (lambda: KeyError(SECRET), "PROGRAM_ERROR"),
    "no memory": (MemoryError, "OUT_OF_MEMORY"),
    "a full disk": (
        lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"/data/{SECRET}"),
        "DISK_FULL",
    ),
}
# What is made to fail, and what is missing then: by the name in the report, and its files.
PARTS: dict[str, tuple[Any, str, set[str], set[str]]] = {
    "masks": (
        nibabel,
        "save",
        {"mask.nii.gz", "instances.nii.gz"},
        {"mask.nii.gz", "instances.nii.gz"},
    ),
    "STL": (mesh_files.MESH_WRITERS, "stl", {"bone.stl"}, {"bone.stl"}),
    "GLB": (result_files, "write_glb", {"bones.glb"}, {"bones.glb"}),
    "SEG": (dicom_results, "write_segmentation", {"segmentation.dcm"}, {"segmentation.dcm"}),
    "RTSTRUCT": (dicom_results, "write_rtstruct", {"structures.dcm"}, {"structures.dcm"}),
    "slices": (case_pages, "overlay_montage", {"overlay.png"}, {"overlay.png"}),
    "scene": (case_pages, "render_scene", {"scene.png"}, {"scene.png"}),
    "previews": (case_writing, "previews", {"scene.png", "3D view"}, {"scene.png"}),
    "3D view": (case_pages, "turning_page", {"3D view"}, set()),
    "page": (case_pages, "render_page", {"report.html"}, {"report.html"}),
    "JSON": (Report, "to_json", {"report.json"}, {"report.json"}),
    "surface": (dividing, "surface", {"surface"}, {"bone.stl"}),
    "pieces": (dividing, "measure_pieces", {"pieces"}, set()),
    "names": (dividing, "name_pieces", {"names"}, set()),
    "confidence": (analyse, "judge", {"confidence"}, set()),
    "flags": (case_writing, "flag_facts", {"confidence"}, set()),
    "pictures of flags": (case_writing, "flag_pictures", {"pictures of flags"}, set()),
}
GLB = ("--formats", "stl,glb", "-q")
LATE = ("JSON", "measures of pieces")  # told when all else is written
PLAIN, DICOM = ("nifti", "stl", "glb"), ("seg", "rtstruct")


@pytest.fixture(scope="module")
def segmenters(weights: Path) -> dict[tuple[str, ...], Segmenter]:
    return {kinds: Segmenter(SegmentOptions(weights, formats=kinds)) for kinds in (PLAIN, DICOM)}


@pytest.fixture(scope="module")
def scans(
    cylinder: Volume, write_dicom: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, ...], Path]:
    folder = tmp_path_factory.mktemp("in")
    write_nifti(cylinder, folder / "ct.nii.gz")
    return {PLAIN: folder / "ct.nii.gz", DICOM: write_dicom(folder / "ct", cylinder)}


def files_of(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != LIST
    }


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("part", PARTS)
def test_what_fails_costs_itself_alone(
    part: str,
    error: str,
    scans: dict[tuple[str, ...], Path],
    segmenters: dict[tuple[str, ...], Segmenter],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where, name, missing, gone = PARTS[part]
    make, code = ERRORS[error]
    kinds = DICOM if part in ("SEG", "RTSTRUCT") else PLAIN

    def fail(*_: Any, **__: Any) -> Any:
        raise make()

    whole = segmenters[kinds].segment(scans[kinds], tmp_path / "whole")
    with monkeypatch.context() as patched:
        (patched.setitem if isinstance(where, dict) else patched.setattr)(where, name, fail)
        case = segmenters[kinds].segment(scans[kinds], tmp_path / "out")
    is_fault = code == "PROGRAM_ERROR"
    expected = set(whole.report.files) - gone | ({"faults.txt"} if is_fault else set())
    expected -= {"faults.txt"} if part == "JSON" else set()  # it is the last
    assert files_of(case.folder) == set(case.report.files) == expected
    assert {(one.format, one.code) for one in case.report.not_written} == {
        (what, code) for what in missing
    }
    assert worst([case]) == ExitCode.INCOMPLETE
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    for written in expected - {"faults.txt", "report.json", "report.html", "scene.png"}:
        if written == "bones.glb" and part == "pieces":  # the whole stands for its pieces
            assert (case.folder / written).stat().st_size > 1000
        elif not written.endswith(".dcm"):  # has a time in it
            assert (case.folder / written).read_bytes() == (whole.folder / written).read_bytes()
    for path in case.folder.rglob("*"):
        assert SECRET.encode() not in path.read_bytes()
    if "report.json" in expected:
        told = json.loads((case.folder / "report.json").read_text())
        assert {one["format"] for one in told["not_written"]} == missing
        assert set(told["files"]) == expected
    if "report.html" in expected and part not in ("JSON", "flags"):
        page = (case.folder / "report.html").read_text()
        assert all(what in page for what in missing)
    if is_fault and "faults.txt" in expected:
        assert "afunet.workflows" in (case.folder / "faults.txt").read_text()


OF_RECONSTRUCTION: dict[str, tuple[Any, str, set[str], set[str]]] = {
    **{part: PARTS[part] for part in ("STL", "GLB", "names")},
    "masks": (nibabel, "save", {"instances.nii.gz"}, {"instances.nii.gz"}),
    "surface": (dividing, "surface", {"surface"}, {"bone.stl"}),
    "pieces": (dividing, "measure_pieces", {"pieces"}, set()),
    "scene": (reconstruct, "render_scene", {"scene.png"}, {"scene.png"}),
    "measures of pieces": (Piece, "to_json", {"pieces.json"}, {"pieces.json"}),
    "what was noticed": (reconstruct, "piece_findings", {"pieces"}, set()),
    "JSON": (reconstruct.json, "dumps", {"pieces.json"}, {"pieces.json"}),
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("part", OF_RECONSTRUCTION)
def test_what_fails_of_a_reconstruction_costs_itself_alone(
    part: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, missing, gone = OF_RECONSTRUCTION[part]
    make, code = ERRORS[error]
    voxels = np.zeros((9, 12, 20), np.uint8)
    voxels[2:7, 2:10, 2:10] = 1
    write_nifti(Volume(voxels, np.eye(4)), tmp_path / "mask.nii.gz")
    whole = reconstruct.reconstruct(tmp_path / "mask.nii.gz", tmp_path / "whole", ("stl", "glb"))

    def fail(*_: Any, **__: Any) -> Any:
        raise make()

    with monkeypatch.context() as patched:
        if part == "JSON":
            patched.setattr(reconstruct, "json", SimpleNamespace(dumps=fail))
        else:
            (patched.setitem if isinstance(where, dict) else patched.setattr)(where, name, fail)
        called = CliRunner().invoke(
            app, ["reconstruct", str(tmp_path / "mask.nii.gz"), "-o", str(tmp_path / "out"), *GLB]
        )
    assert called.exit_code == ExitCode.INCOMPLETE
    assert all(what in called.stderr for what in missing)
    assert SECRET not in called.output + called.stderr
    faults = {"faults.txt"} if code == "PROGRAM_ERROR" and part not in LATE else set()
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole") - gone | faults
    assert whole.not_written == ()
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    if part not in LATE:
        told = json.loads((tmp_path / "out" / "pieces.json").read_text())
        assert {(one["format"], one["code"]) for one in told["not_written"]} == {
            (what, code) for what in missing
        }
        assert set(told["files"]) == files_of(tmp_path / "out")


OF_A_LEG: dict[str, tuple[str, set[str]]] = {
    "the scan": ("write_dicom_series", {"dicom"}),
    "the labels": ("write_nifti", {"truth.nii.gz", "bones.nii.gz", "fragments.nii.gz"}),
}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("part", OF_A_LEG)
def test_what_fails_of_a_simulated_leg_costs_itself_alone(
    part: str, error: str, tiny_leg: LegConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, missing = OF_A_LEG[part]
    make, code = ERRORS[error]

    def fail(*_: Any, **__: Any) -> Any:
        raise make()

    phantom.write_phantom(tiny_leg, tmp_path / "whole")
    with monkeypatch.context() as patched:
        patched.setattr(phantom, name, fail)
        _, files = phantom.write_phantom(tiny_leg, tmp_path / "out")
    assert {(one.format, one.code) for one in files.not_written} == {(w, code) for w in missing}
    left = {one for one in files_of(tmp_path / "whole") if one.split("/")[0] not in missing}
    faults = {"faults.txt"} if code == "PROGRAM_ERROR" else set()
    assert files_of(tmp_path / "out") == left | faults


def test_where_nothing_can_be_written_there_is_one_reason_and_no_file(
    scans: dict[tuple[str, ...], Path],
    segmenters: dict[tuple[str, ...], Segmenter],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(attempts.os, "replace", full)
        with refused(OutputError, "DISK_FULL", "mask.nii.gz") as told:
            segmenters[PLAIN].segment(scans[PLAIN], tmp_path / "a" / "out")
    assert str(tmp_path) not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_the_mask_is_written_before_all_else() -> None:
    names = [name for name, _ in result_files.results_of(("stl", "seg", "nrrd", "nifti", "glb"))]
    assert names[:2] == ["mask.nrrd", "mask.nii.gz"]
    assert len(names) == len(set(names)) == 10


def test_a_mask_that_cannot_be_made_ends_the_case(
    scans: dict[tuple[str, ...], Path],
    segmenters: dict[tuple[str, ...], Segmenter],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AfunetError("no", code="NO")

    monkeypatch.setattr(analyse, "clean_up", fail)
    with refused(AfunetError, "NO"):
        segmenters[PLAIN].segment(scans[PLAIN], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
