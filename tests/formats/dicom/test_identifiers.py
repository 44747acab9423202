"""A folder named after its patient is noticed; one named after a study is not."""

import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from afunet.errors import Cancelled
from afunet.formats.dicom.identifiers import names_patient
from afunet.watch import CancelToken


@pytest.fixture
def series(tmp_path: Path) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "Lindqvist^Bo"
    dataset.PatientID = "P-004711"
    dataset.PatientBirthDate = "19511224"
    (tmp_path / "ct").mkdir()
    dataset.save_as(tmp_path / "ct" / "one.dcm", enforce_file_format=True)
    return tmp_path / "ct"


@pytest.mark.parametrize("name", ["LINDQVIST", "2024_lindqvist_knee", "x004711", "born-19511224"])
def test_a_word_of_the_header_in_any_case_is_noticed(series: Path, name: str) -> None:
    assert names_patient(name, series)


@pytest.mark.parametrize("name", ["knee left", "case-001", "bo", "4711"])
def test_other_names_and_very_short_words_are_not(series: Path, name: str) -> None:
    assert not names_patient(name, series)


@pytest.mark.parametrize(
    ("keyword", "content"),
    [
        ("SpecificCharacterSet", b"CP1252"),
        ("PatientBirthDate", b"24.12.1951"),
        ("PatientID", b"\xff\xfe\x00\x07"),
    ],
)
def test_an_odd_value_hides_no_other(series: Path, keyword: str, content: bytes) -> None:
    (path,) = series.iterdir()
    dataset = dcmread(path)
    tag = tag_for_keyword(keyword)
    assert tag is not None
    raw = RawDataElement(tag, dictionary_VR(tag), len(content), content, 0, False, True)
    dataset[tag] = raw
    dataset.save_as(path)
    assert names_patient("lindqvist", series)
    assert not names_patient("knee", series)


def test_formats_without_identifiers_and_missing_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "lindqvist.nii.gz").write_bytes(b"not dicom")
    assert not names_patient("lindqvist", tmp_path / "lindqvist.nii.gz")
    assert not names_patient("lindqvist", tmp_path / "nowhere")


def test_an_archive_is_looked_into(series: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "lindqvist"), "zip", series))
    assert names_patient("lindqvist", archive)
    assert not names_patient("knee", archive)


def zipped(place: Path, *files: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return place


def test_an_archive_is_read_no_further_than_its_first_image(series: Path, tmp_path: Path) -> None:
    """What follows it is broken, and is not noticed."""
    image = (series / "one.dcm").read_bytes()
    path = zipped(tmp_path / "a.zip", ("note.txt", b"-"), ("1", image), ("2", b"broken" * 99))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"brokenbroken", b"BROKENbroken", 1))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() == "2"
    assert names_patient("lindqvist", path)


def test_an_archive_in_an_archive_is_looked_into(series: Path, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "i.zip", ("1", (series / "one.dcm").read_bytes())).read_bytes()
    outer = zipped(tmp_path / "o.zip", ("readme", b"-"), ("inner.zip", inner))
    assert names_patient("lindqvist", outer)
    assert not names_patient("knee", outer)


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_looking_can_be_cancelled(kind: str, series: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    archive = zipped(tmp_path / "a.zip", ("1", (series / "one.dcm").read_bytes()))
    with pytest.raises(Cancelled):
        names_patient("lindqvist", series if kind == "folder" else archive, cancel)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more"])
def test_an_archive_that_cannot_be_read_names_nobody(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "lindqvist.zip").write_bytes(content)
    assert not names_patient("lindqvist", tmp_path / "lindqvist.zip")
