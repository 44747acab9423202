"""DICOM in zip archives, friendly and hostile."""

import tempfile
import zipfile
from pathlib import PurePosixPath

import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import InputError
from afunet.formats.dicom import archive
from afunet.formats.itk_images import write_itk_image
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import list_series, read_scan

OF_MACOS = ("__MACOSX/._knee.nii", "Doe/.DS_Store")


@pytest.fixture
def packed(tmp_path, write_series, axial):
    """A zip of a series in folders, with a file that is none."""
    target = tmp_path / "case.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in write_series(tmp_path / "ct", axial):
            zipped.write(path, f"study/series/{path.name}")
        zipped.writestr("study/readme.txt", "from the archive")
    return target


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    yield
    assert list((tmp_path / "tmp").iterdir()) == []  # nothing unpacked stays


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_scan(path)
    assert "\n" not in str(caught.value)
    return caught.value.code


def test_a_zip_is_read_like_the_folder_it_holds(packed, axial):
    scan = read_scan(packed)
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)
    assert [finding.code for finding in scan.findings] == ["FOREIGN_FILES"]
    (summary,) = list_series(packed)
    assert summary.size == (5, 6, 4)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\\..\\b", "C:\\x"])
def test_a_name_that_leads_outside_is_refused(packed, name):
    with zipfile.ZipFile(packed, "a") as zipped:
        zipped.writestr(name, "x")
    assert refusal(packed) == "ARCHIVE_PATH"


def test_what_shrinks_more_than_ct_can_is_refused_before_it_is_unpacked(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("ct.dcm", bytes(archive.SMALL_BYTES + 1))
    assert refusal(bomb) == "ARCHIVE_SIZE"


@pytest.mark.parametrize("limit", ["MOST_MEMBERS", "MOST_BYTES"])
def test_more_files_or_bytes_than_can_be_meant_are_refused(packed, monkeypatch, limit):
    monkeypatch.setattr(archive, limit, 3)
    assert refusal(packed) == "ARCHIVE_SIZE"


def test_a_broken_archive_is_refused(packed):
    packed.write_bytes(packed.read_bytes()[:-40])
    assert refusal(packed) == "ARCHIVE_BROKEN"


def test_an_altered_member_is_refused(packed):
    content = bytearray(packed.read_bytes())
    content[200:220] = bytes(20)
    packed.write_bytes(content)
    assert refusal(packed) in ("ARCHIVE_BROKEN", "CUT_FILE")


def test_an_encrypted_archive_is_refused(packed):
    content = bytearray(packed.read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 4)
    packed.write_bytes(content)
    assert refusal(packed) == "ENCRYPTED_ARCHIVE"


def nested(tmp_path, packed, depth):
    for number in range(depth):
        outer = tmp_path / f"outer{number}.zip"
        with zipfile.ZipFile(outer, "w") as zipped:
            zipped.write(packed, f"study/Doe {number}.ZIP")
            zipped.writestr("readme.txt", "x")
        packed = outer
    return packed


@pytest.mark.parametrize("depth", [1, 2])
def test_an_archive_in_an_archive_is_read(tmp_path, packed, axial, depth):
    scan = read_scan(nested(tmp_path, packed, depth))
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)


def test_archives_too_deep_in_each_other_are_refused(tmp_path, packed):
    assert refusal(nested(tmp_path, packed, 3)) == "ARCHIVE_SIZE"


def test_what_swells_in_an_archive_in_an_archive_is_refused(tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("ct.dcm", bytes(archive.SMALL_BYTES + 1))
    assert refusal(nested(tmp_path, bomb, 1)) == "ARCHIVE_SIZE"


@pytest.mark.parametrize("limit", ["MOST_MEMBERS", "MOST_BYTES"])
def test_the_limits_count_all_archives_together(tmp_path, packed, monkeypatch, limit):
    with zipfile.ZipFile(packed) as zipped:
        held = zipped.infolist()
    both = nested(tmp_path, packed, 1)
    sizes = {"MOST_MEMBERS": len(held) + 1, "MOST_BYTES": sum(one.file_size for one in held) + 9}
    monkeypatch.setattr(archive, limit, sizes[limit])
    assert refusal(both) == "ARCHIVE_SIZE"


def test_a_broken_archive_in_an_archive_is_named_as_that(tmp_path, packed):
    packed.write_bytes(packed.read_bytes()[:-40])
    with refused(InputError, "ARCHIVE_BROKEN", "outer0.zip"):
        read_scan(nested(tmp_path, packed, 1))


def test_messages_name_the_archive_that_was_given(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("Doe/ct.nii.gz", "x")
        zipped.writestr("Doe/readme.txt", "x")
    with refused(InputError, "NO_DICOM", 2, path) as caught:
        read_scan(path)
    assert "Doe" not in str(caught.value)


def test_a_zip_by_its_first_bytes_is_read_whatever_its_name(packed, axial):
    scan = read_scan(packed.rename(packed.with_name("export")))
    np.testing.assert_array_equal(scan.volume.voxels, axial.voxels)


@pytest.mark.parametrize("name", ["knee.nii.gz", "Doe/knee.NII", "knee.nrrd", "Doe/knee.mha"])
@pytest.mark.parametrize("others", [(), OF_MACOS])
def test_a_zip_of_one_volume_file_is_read_like_that_file(tmp_path, axial, name, others):
    file = tmp_path / PurePosixPath(name).name.lower()
    write = write_nifti if ".nii" in file.name else write_itk_image
    write(axial, file, "a phantom")
    packed = zip_of(tmp_path / "case.zip", *others)
    with zipfile.ZipFile(packed, "a") as zipped:
        zipped.write(file, name)
    scan, expected = read_scan(packed), read_scan(file)
    np.testing.assert_array_equal(scan.volume.voxels, expected.volume.voxels)
    np.testing.assert_array_equal(scan.volume.affine, expected.volume.affine)
    assert (scan.source, scan.findings) == (expected.source, expected.findings)
    (summary,) = list_series(packed)
    assert summary.size == (5, 6, 4)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("Doe/knee.nii",), "FILE_BROKEN"),
        (("Doe/knee.nii", "Doe/mask.nii"), "NO_DICOM"),
        (("Doe/knee.nhdr",), "NO_DICOM"),
        (OF_MACOS, "NO_DICOM"),
        ((), "NO_DICOM"),
    ],
)
def test_a_zip_of_no_or_of_several_scans_is_refused_without_the_names_in_it(tmp_path, names, code):
    packed = zip_of(tmp_path / "case", *names)
    with pytest.raises(InputError) as caught:
        read_scan(packed)
    assert caught.value.code == code
    assert "Doe" not in str(caught.value)


def zip_of(path, *names):
    """A zip with files of these names, whose content is nothing known."""
    with zipfile.ZipFile(path, "w") as zipped:
        for name in names:
            zipped.writestr(name, b"x" * 400)
    return path
