"""No result dies with another: each is made and written on its own, and what is missing is told."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import pytest

from afunet.errors import AfunetError, ExitCode, OutputError
from afunet.formats import mesh_files
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.report.facts import Report
from afunet.workflows import analyse, attempts, case_pages, case_writing, result_files
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
    "SEG": (result_files, "write_segmentation", {"segmentation.dcm"}, {"segmentation.dcm"}),
    "RTSTRUCT": (result_files, "write_rtstruct", {"structures.dcm"}, {"structures.dcm"}),
    "slices": (case_pages, "overlay_montage", {"overlay.png"}, {"overlay.png"}),
    "scene": (case_pages, "render_scene", {"scene.png"}, {"scene.png"}),
    "3D view": (case_pages, "turning_page", {"3D view"}, set()),
    "page": (case_pages, "render_page", {"report.html"}, {"report.html"}),
    "JSON": (Report, "to_json", {"report.json"}, {"report.json"}),
    "surface": (analyse, "surface", {"surface"}, {"bone.stl"}),
    "pieces": (analyse, "find_pieces", {"pieces"}, set()),
    "names": (analyse, "bone_namer", {"names"}, set()),
    "confidence": (analyse, "judge", {"confidence"}, set()),
    "flags": (case_writing, "flag_facts", {"confidence"}, set()),
    "pictures of flags": (case_writing, "flag_pictures", {"pictures of flags"}, set()),
    "measures of pieces": (case_writing, "piece_facts", {"pieces"}, set()),
}
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
    if "report.html" in expected and part not in ("JSON", "flags", "measures of pieces"):
        page = (case.folder / "report.html").read_text()
        assert all(what in page for what in missing)
    if is_fault and "faults.txt" in expected:
        assert "afunet.workflows" in (case.folder / "faults.txt").read_text()


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
        with pytest.raises(
            OutputError, match=r"no result could be written: .*mask\.nii\.gz: No space left"
        ) as told:
            segmenters[PLAIN].segment(scans[PLAIN], tmp_path / "a" / "out")
    assert str(tmp_path) not in str(told.value)
    assert told.value.code == "DISK_FULL"
    assert list(tmp_path.iterdir()) == []


def test_the_mask_is_written_before_all_else() -> None:
    names = [name for name, _ in result_files.results_of(("stl", "seg", "nrrd", "nifti", "glb"))]
    assert names[:2] == ["mask.nrrd", "mask.nii.gz"]
    assert len(names) == len(set(names)) == 8


def test_a_mask_that_cannot_be_made_ends_the_case(
    scans: dict[tuple[str, ...], Path],
    segmenters: dict[tuple[str, ...], Segmenter],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AfunetError("no")

    monkeypatch.setattr(analyse, "clean_up", fail)
    with pytest.raises(AfunetError, match="no"):
        segmenters[PLAIN].segment(scans[PLAIN], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
