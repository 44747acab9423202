"""A PDF as a DICOM object: filed beside the images, and read back as it was."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.refusals import refused

from afunet.errors import OutputError
from afunet.formats.dicom import encapsulated_pdf
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.encapsulated_pdf import write_encapsulated_pdf
from afunet.formats.dicom.result import result_planes
from afunet.formats.readers import read_scan
from afunet.formats.scan import Scan
from afunet.geometry import Volume

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)
PDF = b"%PDF-1.4\n%an odd number of bytes\n%%EOF\n"


@pytest.fixture
def scan(tmp_path: Path, cylinder: Volume, write_dicom: Callable[..., Path]) -> Scan:
    folder = write_dicom(
        tmp_path / "ct", cylinder, PatientName="Doe^Jane", PatientID="PID-4711", StudyID="S-9"
    )
    return read_scan(folder)


def written(scan: Scan, path: Path, identity: str = "job", *, deidentified: bool = False):  # type: ignore[no-untyped-def]
    placed = result_planes(scan, deidentified=deidentified)
    write_encapsulated_pdf(PDF, placed, ALGORITHM, path, identity, deidentified=deidentified)
    return dcmread(path)


def test_it_refers_to_the_images_and_holds_the_pdf(scan: Scan, tmp_path: Path) -> None:
    assert len(PDF) % 2
    found = written(scan, tmp_path / "report.dcm")
    assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == PDF
    assert (found.Modality, found.ConversionType, found.BurnedInAnnotation) == ("DOC", "WSD", "NO")
    assert scan.images is not None
    assert found.StudyInstanceUID == scan.images.study
    sources = [str(one.ReferencedSOPInstanceUID) for one in found.SourceInstanceSequence]
    assert sources == [image.sop_instance for image in scan.images.images]
    assert (found.PatientName, found.PatientID, found.StudyID) == ("Doe^Jane", "PID-4711", "S-9")


def test_the_same_work_gives_the_same_uids(scan: Scan, tmp_path: Path) -> None:
    first, second, other = (
        written(scan, tmp_path / f"{number}.dcm", identity)
        for number, identity in enumerate(("job", "job", "another"))
    )
    assert first.SOPInstanceUID == second.SOPInstanceUID != other.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID != other.SeriesInstanceUID


def test_a_deidentified_one_names_nobody_and_still_holds_the_pdf(
    scan: Scan, tmp_path: Path
) -> None:
    path = tmp_path / "report.dcm"
    found = written(scan, path, deidentified=True)
    content = path.read_bytes()
    assert scan.images is not None
    for secret in ("Doe", "PID-4711", "S-9", scan.images.study):
        assert secret.encode() not in content
    assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == PDF
    assert found.PatientIdentityRemoved == "YES"
    known = {image.sop_instance for image in scan.images.images}
    assert not known & {str(one.ReferencedSOPInstanceUID) for one in found.SourceInstanceSequence}


def test_a_file_that_holds_another_pdf_is_not_kept(
    scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.dcm"

    def read_wrongly(file: Path) -> object:
        found = dcmread(file)
        found.EncapsulatedDocument = found.EncapsulatedDocument[::-1]
        return found

    monkeypatch.setattr(encapsulated_pdf, "dcmread", read_wrongly)
    with refused(OutputError, "PDF_FAILED"):
        written(scan, path)
    assert not path.exists()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not here")
@pytest.mark.parametrize("deidentified", [False, True])
def test_dciodvfy_finds_no_error(scan: Scan, tmp_path: Path, deidentified: bool) -> None:
    written(scan, tmp_path / "report.dcm", deidentified=deidentified)
    command = ["dciodvfy", str(tmp_path / "report.dcm")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert [line for line in said if line.startswith("Error")] == []
