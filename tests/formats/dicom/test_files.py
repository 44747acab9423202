"""What counts as DICOM, whatever it is called."""

import gc
import struct
import warnings

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.fileset import FileSet
from tests.refusals import require

from afunet.errors import InputError
from afunet.formats.dicom.files import syntax_of
from afunet.formats.readers import list_series, read_scan

# What a DICOMDIR asks of an image (PS3.3 F.5).
LISTED = {
    "StudyInstanceUID": "1.2.3",
    "StudyDate": "20200101",
    "StudyTime": "101112",
    "StudyID": "1",
    "PatientID": "P",
    "PatientName": "Doe^Jo",
    "SeriesNumber": 1,
    "AccessionNumber": "1",
}


def codes(scan):
    return [finding.code for finding in scan.findings]


def test_other_files_and_a_media_directory_are_passed_over(tmp_path, write_series, axial):
    write_series(tmp_path / "deep" / "down", axial)
    (tmp_path / "README.txt").write_text("exported in 2020")
    (tmp_path / "empty.dcm").write_bytes(b"")
    media = dcmread(tmp_path / "deep" / "down" / "IM0001")
    media.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    media.save_as(tmp_path / "DICOMDIR")
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert codes(scan) == ["FOREIGN_FILES", "DICOMDIR"]
    assert "2" in scan.findings[0].message


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_and_header_are_read(tmp_path, write_series, axial, implicit):
    for path in write_series(tmp_path, axial):
        dataset = dcmread(path)
        dataset.file_meta, dataset.preamble = FileMetaDataset(), None
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)
        assert path.read_bytes()[:2] == b"\x08\x00"
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert codes(scan) == ["NO_FILE_HEADER"]
    name = "Implicit" if implicit else "Explicit"
    assert scan.source.transfer_syntax == f"{name} VR Little Endian"


def test_files_may_be_given_one_by_one(tmp_path, write_series, axial):
    paths = write_series(tmp_path, axial)
    scan = read_scan(paths + paths[:1])
    assert scan.source.file_count == 4
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)


def test_an_empty_folder_is_refused(tmp_path, refusal):
    for read in (read_scan, list_series):
        require(refusal(InputError, read, tmp_path), "NO_DICOM", 0)


def test_a_folder_without_dicom_is_refused(tmp_path, refusal):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" * 50)
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", 1)


def test_a_text_file_named_dcm_is_not_dicom(tmp_path, refusal):
    text = tmp_path / "slice.dcm"
    text.write_text("This is not an image.\n" * 30)
    require(refusal(InputError, read_scan, text), "NO_DICOM", text)
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", 1)


def test_bytes_that_start_like_an_element_of_no_known_tag_are_not_dicom(tmp_path, refusal):
    start = struct.pack("<HHI", 0x0008, 0x7777, 4)
    (tmp_path / "core.bin").write_bytes(start + bytes(200))
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", 1)


def test_a_file_cut_within_its_header_is_refused_not_passed_over(
    tmp_path, write_series, axial, refusal
):
    path = write_series(tmp_path, axial)[3]
    path.write_bytes(path.read_bytes()[:500])
    require(refusal(InputError, read_scan, tmp_path), "CUT_FILE", "IM0001")


def test_a_file_that_vanishes_or_is_locked_is_refused_by_path(
    tmp_path, write_series, axial, refusal, monkeypatch
):
    write_series(tmp_path, axial)

    def locked(*args, **kw):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", locked)
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "UNREADABLE", tmp_path / "IM0001", "Permission denied")


def test_a_subfolder_that_may_not_be_opened_is_refused(
    tmp_path, write_series, axial, refusal, monkeypatch
):
    write_series(tmp_path / "series", axial)

    def walk(top, onerror):
        onerror(PermissionError(13, "Permission denied", f"{top}/series"))
        return iter(())

    monkeypatch.setattr("os.walk", walk)
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "UNREADABLE", tmp_path / "series", "Permission denied")


def test_links_to_folders_are_followed_once_and_counted(tmp_path, write_series, axial):
    write_series(tmp_path / "store", axial)
    study = tmp_path / "study"
    study.mkdir()
    (study / "series").symlink_to(tmp_path / "store")
    (study / "again").symlink_to(tmp_path / "store")
    (study / "up").symlink_to(tmp_path)
    (study / "self").symlink_to(".")
    (study / "nowhere").symlink_to("nothing")
    scan = read_scan(study)
    assert scan.volume.shape == axial.voxels.shape
    assert codes(scan) == ["FOREIGN_FILES", "LINKED_FOLDERS"]
    assert "1" in scan.findings[1].message


def test_links_that_lead_nowhere_are_named_where_nothing_is_found(tmp_path, refusal):
    (tmp_path / "series").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", 2)
    error = refusal(InputError, read_scan, tmp_path / "series")
    require(error, "NO_SUCH_PATH", tmp_path / "series")


@pytest.mark.parametrize("name", ["ct.nii.gz", "CT.NII", "a.nrrd", "b.mha", "study.zip"])
def test_what_lies_in_a_folder_without_dicom_is_named(tmp_path, refusal, name):
    (tmp_path / name).write_bytes(b"PK\3\4" + bytes(400))
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", name, 1, tmp_path)


def test_a_file_in_a_folder_below_is_counted_but_not_named(tmp_path, refusal):
    (tmp_path / "Doe").mkdir()
    (tmp_path / "Doe" / "ct.nii").write_bytes(bytes(400))
    error = refusal(InputError, read_scan, tmp_path)
    require(error, "NO_DICOM", 1)
    assert "Doe" not in str(error)


@pytest.mark.parametrize(
    ("start", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a", "RAR"), (b"\x1f\x8b", "gzip")]
)
def test_other_archives_are_named_as_what_they_are(tmp_path, refusal, start, kind):
    path = tmp_path / "scan.dat"
    path.write_bytes(start + bytes(400))
    require(refusal(InputError, read_scan, path), "NO_DICOM", kind)
    require(refusal(InputError, read_scan, tmp_path), "NO_DICOM", "scan.dat")


def test_one_cut_file_is_listed_and_refused_by_its_reason(tmp_path, write_series, axial, refusal):
    path = write_series(tmp_path, axial)[3]
    path.write_bytes(path.read_bytes()[:500])
    (summary,) = list_series(tmp_path)
    assert not summary.chosen
    assert summary.slice_count == 3
    (told,) = [finding for finding in summary.findings if finding.code == "CUT_FILE"]
    assert told.message == str(refusal(InputError, read_scan, tmp_path))


@pytest.fixture
def medium(tmp_path, write_series, axial):
    """A folder with a DICOMDIR and the images that it lists."""
    files = FileSet()
    for path in write_series(tmp_path / "from", axial, **LISTED):
        files.add(path)
    files.write(tmp_path / "medium")
    with warnings.catch_warnings():  # a FileSet leaves its own temporary folder to the end
        warnings.simplefilter("ignore", ResourceWarning)
        del files
        gc.collect()
    return tmp_path / "medium"


@pytest.mark.parametrize("taken", [0, 1])
def test_images_that_a_dicomdir_lists_and_that_are_absent_are_told(medium, taken):
    for path in sorted(medium.rglob("IM*"))[:taken]:
        path.unlink()
    scan = read_scan(medium)
    assert ("LISTED_FILES_MISSING" in codes(scan)) == (taken > 0)
    assert all(str(taken) in each.message for each in scan.findings if "LISTED" in each.code)


def test_a_dicomdir_alone_is_told_for_what_it_is(medium, refusal):
    for path in medium.rglob("IM*"):
        path.unlink()
    for given in (medium, medium / "DICOMDIR"):
        require(refusal(InputError, read_scan, given), "NO_DICOM", "DICOMDIR")


def test_a_broken_transfer_syntax_is_not_quoted_by_a_warning() -> None:
    assert syntax_of("1.2.\x9b40.10008.1.2.1") == "1.2.\x9b40.10008.1.2.1"  # warnings are errors
