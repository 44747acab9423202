"""Nothing that names the patient leaves the scan: not in a file, not in a name, not in a line."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from afunet.formats.dicom.copied_elements import CHARACTER_SET, COPIED
from afunet.formats.dicom.header import KEYWORDS
from afunet.geometry import Volume

pytestmark = pytest.mark.usefixtures("small_pictures")

IDENTIFIERS = {
    "PatientName": "Quillfeather^Zephyrine",
    "PatientID": "PIDQX93117",
    "PatientBirthDate": "19310417",
    "PatientAddress": "Nettlewick 7",
    "OtherPatientIDs": "OPIDQX5521",
    "AccessionNumber": "ACCQX88012",
    "StudyID": "STQX6140",
    "StudyDate": "20170923",
    "StudyTime": "134957.731846",
    "StudyDescription": "knee of Quillfeather",
    "SeriesDescription": "bone Quillfeather",
    "ProtocolName": "knee Quillfeather",
    "PatientComments": "COMMENTQX",
    "InstitutionName": "Saint Brambleton",
    "InstitutionAddress": "Brambleton Lane",
    "StationName": "STATIONQX",
    "DeviceSerialNumber": "SERIALQX41",
    "ReferringPhysicianName": "Oddlingham^Barnaby",
    "OperatorsName": "Thrimbleby^Ottokar",
    "StudyInstanceUID": "1.2.777001.31",
    "SeriesInstanceUID": "1.2.777002.32",
    "FrameOfReferenceUID": "1.2.777003.33",
    "SOPInstanceUID": "1.2.777004.34",
}
TELLTALES = {
    word.encode()
    for value in IDENTIFIERS.values()
    for word in (value, *value.replace("^", " ").split())
    if word not in ("knee", "of", "bone", "7", "Saint", "Lane")
}


# What DICOM asks of every composite object (types 1 and 2 of the patient, study and frame of
# reference modules, PS3.3 C.7.1.1, C.7.2.1 and C.7.4.1), and what a result refers to.
REQUIRED = {
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SOPInstanceUID",
}
DICOM_RESULTS = {"segmentation.dcm", "structures.dcm", "report.dcm"}


@pytest.fixture
def series(tmp_path: Path, cylinder: Volume, write_dicom: Callable[..., Path]) -> Path:
    """A series full of identifiers in a folder that is called after the patient."""
    folder = write_dicom(tmp_path / "Quillfeather", cylinder, **IDENTIFIERS)
    for number, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID += "" if number == 0 else f".{number}"
        dataset.save_as(path)
    return folder


def told(text: str) -> set[bytes]:
    return {word for word in TELLTALES if word in text.encode()}


def test_the_scan_itself_holds_every_identifier(series: Path) -> None:
    content = next(series.iterdir()).read_bytes()
    assert all(value.encode() in content for value in IDENTIFIERS.values())


@pytest.fixture
def segmented(
    series: Path, tmp_path: Path, weights: Path, run_afunet: Callable[..., Any]
) -> Callable[..., Path]:
    """Segment into every format; returns the folder, having looked at what the terminal showed."""

    def run(*options: str) -> Path:
        output = tmp_path / "out"
        formats = ("--formats", "nifti,stl,ply,seg,rtstruct,pdf")
        done = run_afunet("segment", series, "-o", output, "-w", weights, *formats, *options)
        assert done.code == 0
        assert told(done.out + done.err) == set()
        return output

    return run


def words_of(keywords: set[str]) -> set[bytes]:
    values = [IDENTIFIERS[keyword] for keyword in keywords]
    return {word for word in TELLTALES if any(word.decode() in value for value in values)}


def held(path: Path) -> set[bytes]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content += gzip.decompress(content)
    return {word for word in TELLTALES if word in content}


def test_no_file_and_no_line_of_a_run_names_the_patient(segmented: Callable[..., Path]) -> None:
    written = [path for path in segmented().rglob("*") if path.is_file()]
    assert len(written) == 12  # the list of files among them
    assert {path.name for path in written} > DICOM_RESULTS
    for path in written:
        assert told(path.name) == set()
        if path.name not in DICOM_RESULTS:
            assert held(path) == set(), path.name


def test_dicom_results_carry_what_an_archive_needs_and_no_other_identifier(
    segmented: Callable[..., Path],
) -> None:
    output = segmented()
    needless = set(IDENTIFIERS) - REQUIRED
    secrets = words_of(needless) - words_of(REQUIRED)
    secrets -= {
        word for word in TELLTALES if any(word.decode() in IDENTIFIERS[k] for k in REQUIRED)
    }
    for name in DICOM_RESULTS:
        assert held(output / name) & secrets == set()
        header = pydicom.dcmread(output / name)
        copied = REQUIRED - {"SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"}
        assert {key: str(header[key].value) for key in copied} == {
            key: IDENTIFIERS[key] for key in copied
        }


def test_deidentified_results_name_nobody(segmented: Callable[..., Path]) -> None:
    output = segmented("--deidentify")
    for path in output.rglob("*"):
        assert held(path) == set(), path.name


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1200])


def scramble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[600:640] = b"\xff" * 40
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [cut, cut_in_the_header, scramble])
def test_no_refusal_names_the_patient(
    spoil: Callable[[Path], None],
    series: Path,
    tmp_path: Path,
    weights: Path,
    run_afunet: Callable[..., Any],
) -> None:
    spoil(sorted(series.iterdir())[2])
    anonymous = series.rename(tmp_path / "ct")  # a refusal may name the path that was given
    done = run_afunet("segment", anonymous, "-o", tmp_path / "out", "-w", weights)
    assert told(done.refusal) == set()


def test_inspect_shows_the_series_uid_to_choose_by_and_no_other_identifier(
    series: Path, run_afunet: Callable[..., Any]
) -> None:
    done = run_afunet("inspect", series)
    assert done.code == 0
    assert told(done.out + done.err) == {IDENTIFIERS["SeriesInstanceUID"].encode()}


TEXTS = [
    keyword
    for keyword in sorted({*KEYWORDS} - {*COPIED, CHARACTER_SET})
    if dictionary_VR(keyword) in ("CS", "LO", "SH", "LT", "ST", "IS", "TM")
]


@pytest.mark.parametrize("keyword", [*TEXTS, "SeriesInstanceUID"])
def test_the_name_in_an_element_that_is_no_place_for_it_is_not_told(
    keyword: str,
    tmp_path: Path,
    cylinder: Volume,
    weights: Path,
    write_dicom: Callable[..., Path],
    run_afunet: Callable[..., Any],
) -> None:
    name = {"PatientName": "Quillfeather^Zephyrine"}
    folder = write_dicom(tmp_path / "ct", cylinder, **name)
    tag = Tag(tag_for_keyword(keyword) or 0)
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        value = b"B60 QUILLFEATHER"
        dataset[tag] = RawDataElement(tag, dictionary_VR(tag), 16, value, 0, False, True)
        dataset.save_as(path)
    looked = run_afunet("inspect", folder)
    done = run_afunet("segment", folder, "-o", tmp_path / "out", "-w", weights)
    told = looked.out + looked.err + done.out + done.err
    told += "".join(path.read_text() for path in (tmp_path / "out").glob("report.*"))
    assert looked.out
    assert "quillfeather" not in told.casefold()
