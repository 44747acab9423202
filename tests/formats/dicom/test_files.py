"""What counts as DICOM, whatever it is called."""

import struct

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset

from afunet.errors import InputError
from afunet.formats.readers import list_series, read_scan


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
    assert scan.findings[0].message == "files skipped as not DICOM: 2"


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


def test_an_empty_folder_is_refused(tmp_path, refused):
    assert "no DICOM file among 0 files" in refused(InputError, read_scan, tmp_path)
    assert "no DICOM file among 0 files" in refused(InputError, list_series, tmp_path)


def test_a_folder_without_dicom_is_refused(tmp_path, refused):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" * 50)
    assert "no DICOM file among 1 files" in refused(InputError, read_scan, tmp_path)


def test_a_text_file_named_dcm_is_not_dicom(tmp_path, refused):
    text = tmp_path / "slice.dcm"
    text.write_text("This is not an image.\n" * 30)
    assert "is not DICOM" in refused(InputError, read_scan, text)
    assert "no DICOM file among 1 files" in refused(InputError, read_scan, tmp_path)


def test_bytes_that_start_like_an_element_of_no_known_tag_are_not_dicom(tmp_path, refused):
    start = struct.pack("<HHI", 0x0008, 0x7777, 4)
    (tmp_path / "core.bin").write_bytes(start + bytes(200))
    assert "no DICOM file among 1 files" in refused(InputError, read_scan, tmp_path)


def test_a_file_cut_within_its_header_is_refused_not_passed_over(
    tmp_path, write_series, axial, refused
):
    path = write_series(tmp_path, axial)[3]
    path.write_bytes(path.read_bytes()[:500])
    assert "IM0001 is cut before its image" in refused(InputError, read_scan, tmp_path)


def test_a_file_that_vanishes_or_is_locked_is_refused_by_path(
    tmp_path, write_series, axial, refused, monkeypatch
):
    write_series(tmp_path, axial)

    def locked(*args, **kw):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", locked)
    message = refused(InputError, read_scan, tmp_path)
    assert message == f"cannot read {tmp_path / 'IM0001'}: Permission denied; check the path"


def test_a_subfolder_that_may_not_be_opened_is_refused(
    tmp_path, write_series, axial, refused, monkeypatch
):
    write_series(tmp_path / "series", axial)

    def walk(top, onerror):
        onerror(PermissionError(13, "Permission denied", f"{top}/series"))
        return iter(())

    monkeypatch.setattr("os.walk", walk)
    assert "series: Permission denied" in refused(InputError, read_scan, tmp_path)
