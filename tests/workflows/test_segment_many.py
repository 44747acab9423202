import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afunet.errors import Cancelled
from afunet.formats.dicom import archive
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_scan
from afunet.geometry import Volume
from afunet.watch import CancelToken, Watch
from afunet.workflows import segment as module
from afunet.workflows.failed_case import FailedCase
from afunet.workflows.segment import SegmentedCase, Segmenter, SegmentOptions
from afunet.workflows.segment_many import segment_many
from afunet.workflows.titles import named_cases

pytestmark = pytest.mark.usefixtures("small_pictures")
FILES = {
    ".afunet.json",
    "mask.nii.gz",
    "instances.nii.gz",
    "overlay.png",
    "bone.stl",
    "scene.png",
    "report.json",
    "report.html",
}


@pytest.fixture
def segmenter(weights: Path) -> Segmenter:
    return Segmenter(SegmentOptions(weights=weights))


@pytest.fixture
def scans(cylinder: Volume, tmp_path: Path) -> list[Path]:
    """One good scan, an empty folder of the same name, another good one."""
    paths = [tmp_path / "in" / name for name in ("one.nii.gz", "one", "two.nii")]
    paths[1].mkdir(parents=True)
    for path in (paths[0], paths[2]):
        write_nifti(cylinder, path)
    return paths


def test_one_scan_that_fails_does_not_stop_the_others(
    scans: list[Path], tmp_path: Path, segmenter: Segmenter
) -> None:
    first, refused, last = segment_many(scans, tmp_path / "out", segmenter)
    assert isinstance(refused, FailedCase)
    assert refused.name == "one-2"
    assert refused.code == "NO_DICOM"
    for case, name in ((first, "one"), (last, "two")):
        assert isinstance(case, SegmentedCase)
        assert case.folder == tmp_path / "out" / name
        assert case.report.case == name
        assert {path.name for path in case.folder.iterdir()} == FILES
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"one", "two"}


def test_a_fault_of_the_program_in_one_scan_is_told_in_one_line_and_contained(
    scans: list[Path], tmp_path: Path, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(path: Path, **options: Any) -> Any:
        if path == scans[1]:
            raise RuntimeError("two\nlines")
        return read_scan(path, **options)

    monkeypatch.setattr(module, "read_scan", faulty)
    first, failed, last = segment_many(scans, tmp_path / "out", segmenter)
    assert isinstance(failed, FailedCase)
    assert failed.code == "PROGRAM_ERROR"
    assert "\n" not in failed.reason
    assert isinstance(first, SegmentedCase)
    assert isinstance(last, SegmentedCase)


def test_scans_share_no_state(scans: list[Path], tmp_path: Path, segmenter: Segmenter) -> None:
    """Times and memory fall-backs of one case are not added to those of the next."""
    first, second = segment_many([scans[0], scans[2]], tmp_path / "out", segmenter)
    assert isinstance(first, SegmentedCase)
    assert isinstance(second, SegmentedCase)
    assert first.report.run.fallbacks == second.report.run.fallbacks == ()
    assert first.report.run.seconds.keys() == second.report.run.seconds.keys()
    assert second.report.run.seconds["loading"] == 0
    assert first.report.bone == second.report.bone


def test_cancelling_stops_the_whole_list(
    scans: list[Path], tmp_path: Path, segmenter: Segmenter
) -> None:
    cancel = CancelToken()
    results = segment_many(
        [scans[0], scans[2]], tmp_path / "out", segmenter, watch=Watch(cancel=cancel)
    )
    assert isinstance(next(results), SegmentedCase)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(results)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"one"}


def folders_of(paths: list[str]) -> list[str]:
    return [named.folder for named in named_cases(paths)]


def test_cases_are_called_as_their_files_without_suffix() -> None:
    paths = ["x/a.nii.gz", "b.nii", "c.nrrd", "d.mha", "folder/", "e.v2.nii.gz", "F.NII.GZ"]
    assert folders_of(paths) == ["a", "b", "c", "d", "folder", "e.v2", "F"]


def test_equal_names_are_numbered_and_no_number_is_given_twice() -> None:
    assert folders_of(["x/a.nii", "y/a.nii.gz", "a"]) == ["a", "a-2", "a-3"]
    assert folders_of(["a", "x/a", "a-2"]) == ["a", "a-2", "a-2-2"]


def test_names_that_differ_in_case_only_get_folders_that_any_file_system_keeps_apart() -> None:
    assert folders_of(["Leg.nii", "leg.nii"]) == ["Leg", "leg-2"]


def test_a_path_without_a_name_gets_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    monkeypatch.chdir(tmp_path / "ct")
    assert folders_of([".", ".nii.gz", "/"]) == ["ct", "scan", "scan-2"]


def test_an_archive_is_unpacked_once(
    cylinder: Volume,
    write_dicom: Callable[..., Path],
    tmp_path: Path,
    segmenter: Segmenter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_dicom(tmp_path / "ct", cylinder, PatientName="Quill^A")
    paths = [Path(shutil.make_archive(str(tmp_path / name), "zip", folder)) for name in ("a", "b")]
    counted: list[str] = []
    whole = archive._Unpacking.into

    def into(self: Any, path: Path, folder: Path, depth: int = 1) -> None:
        counted.append(path.name)
        whole(self, path, folder, depth)

    monkeypatch.setattr(archive._Unpacking, "into", into)
    results = list(segment_many(paths, tmp_path / "out", segmenter))
    assert counted == ["a.zip", "b.zip"]
    assert all(isinstance(case, SegmentedCase) for case in results)
