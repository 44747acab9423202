"""Nothing that names the patient leaves the scan: not in a file, not in a name, not in a line."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def series(tmp_path: Path, cylinder: Volume, write_dicom: Callable[..., Path]) -> Path:
    """A series full of identifiers in a folder that is called after the patient."""
    return write_dicom(tmp_path / "Quillfeather", cylinder, **IDENTIFIERS)


def told(text: str) -> set[bytes]:
    return {word for word in TELLTALES if word in text.encode()}


def test_the_scan_itself_holds_every_identifier(series: Path) -> None:
    content = next(series.iterdir()).read_bytes()
    assert all(value.encode() in content for value in IDENTIFIERS.values())


def test_no_file_and_no_line_of_a_run_names_the_patient(
    series: Path, tmp_path: Path, weights: Path, run_afunet: Callable[..., Any]
) -> None:
    output = tmp_path / "out"
    done = run_afunet("segment", series, "-o", output, "-w", weights, "--formats", "nifti,stl,ply")
    assert done.code == 0
    assert told(done.out + done.err) == set()
    written = [path for path in output.rglob("*") if path.is_file()]
    assert len(written) == 7
    for path in written:
        assert told(path.name) == set()
        content = path.read_bytes()
        if path.suffix == ".gz":
            content += gzip.decompress(content)
        assert {word for word in TELLTALES if word in content} == set(), path.name


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
