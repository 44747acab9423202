"""Whatever stands in the elements that results take over, both results are sound or refused."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import validate_value
from tests.refusals import refused

from afunet.errors import OutputError
from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.copied_elements import FILED_BY, REFERRED_BY
from afunet.formats.dicom.result import result_planes
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.formats.readers import list_series, read_scan
from afunet.geometry import Volume

ALGORITHM = Algorithm("AFU-Net", "0.1.0", "ab" * 32)
KEYWORDS = (*FILED_BY, *REFERRED_BY)

ODD = {
    "empty": b"",
    "only nulls": b"\0\0\0\0",
    "only spaces": b"    ",
    "too long": b"QXZ7" * 80,
    "far too long": b"QXZ7" * 8000,
    "latin letters that no character set declares": b"QXZ7M\xfcll",
    "bytes of no character set": b"QXZ7\xff\xfe\xfd ",
    "UTF-8 that no character set declares": "QXZ7Müll".encode(),
    "control characters": b"QXZ7\x07\x1b[31",
    "line breaks": b"QXZ7\r\nQX",
    "a null inside": b"QXZ7\0QX ",
    "a null at the end": b"QXZ7Q\0",
    "several values": b"QXZ7\\QXZ8 ",
    "one value twice": b"QXZ7\\QXZ7 ",
    "impossible": b"99999999",
    "an impossible day": b"20240230",
    "a day and a month in doubt": b"01/02/1960",
    "a time of old": b"10:11:12",
    "too fine a time": b"101112.1234567",
    "seven parts": b"QXZ7^B^C^D^E^F^G",
    "five groups": b"QXZ7=B=C=D=E",
    "only separators": b"^^=^= ",
    "letters where numbers are due": b"1.2.QXZ7",
    "a leading zero": b"1.02.3",
    "a dot at the end": b"1.2.7713.",
    "a UID padded with spaces": b"1.2.7714  ",
    "an underscore": b"_ ",
    "a word": b"Male",
}


@pytest.fixture(scope="module")
def cube() -> Volume:
    """Three slices of 8 × 6 pixels with a block of bone."""
    voxels = np.full((3, 8, 6), -1000, np.int16)
    voxels[:, 2:6, 1:4] = 900
    return Volume(voxels, np.diag([1.0, 1.0, 2.0, 1.0]))


def put(path: Path, keyword: str, content: bytes, vr: str | None = None) -> None:
    """Let an element of a file hold some bytes, whatever they are."""
    dataset = dcmread(path)
    tag = tag_for_keyword(keyword)
    vr = vr or dictionary_VR(tag)
    content += b" " * (len(content) % 2)
    dataset[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)


def is_right(keyword: str, content: bytes) -> bool:
    """Whether a value is as PS3.5 asks, by pydicom's judgement, or empty."""
    text = content.rstrip(b" \0" if keyword in REFERRED_BY else b" ")
    if not text.strip(b" \0"):
        return True
    if keyword == "PatientSex":
        return text in (b"M", b"F", b"O")
    if keyword in REFERRED_BY and text != content.rstrip(b"\0"):
        return False
    if not text.isascii() or b"\\" in text or any(byte < 32 for byte in text):
        return False
    try:
        validate_value(dictionary_VR(keyword), text.decode(), config.RAISE)
    except ValueError:
        return False
    return True


def results_of(folder: Path, out: Path) -> tuple[Dataset, ...]:
    """Both results, read again by a reader that takes nothing but what is right."""
    scan = read_scan(folder)
    placed = result_planes(scan)
    bone = scan.volume.with_voxels((scan.volume.voxels > 200).astype(np.uint8))
    segments = [placed.segment("bone", bone)]
    write_segmentation(segments, placed, ALGORITHM, out / "seg.dcm")
    write_rtstruct(segments, placed, ALGORITHM, out / "rt.dcm")
    return read_strictly(out / "seg.dcm"), read_strictly(out / "rt.dcm")


def read_strictly(path: Path) -> Dataset:
    mode = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        dataset = dcmread(path)
        dataset.walk(lambda _, element: str(element.value))
    finally:
        config.settings.reading_validation_mode = mode
    assert dataset.PatientSex in ("", "M", "F", "O")
    return dataset


def told(folder: Path, keyword: str) -> list[str]:
    """The codes of what is found about an element, the same by reading and by looking."""
    read = read_scan(folder).findings
    assert read == list_series(folder)[0].findings
    assert all("QXZ" not in str(finding) for finding in read)
    return [finding.code for finding in read if keyword in str(finding)]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("keyword", KEYWORDS)
def test_an_odd_value_in_every_slice(
    keyword: str,
    odd: str,
    tmp_path: Path,
    cube: Volume,
    write_series: Callable[..., list[Path]],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for path in write_series(tmp_path / "ct", cube):
        put(path, keyword, ODD[odd])
    codes = told(tmp_path / "ct", keyword)
    if not is_right(keyword, ODD[odd]):
        assert codes
    if "REFERENCES_UNSOUND" in codes:
        assert keyword in REFERRED_BY
        with refused(OutputError, "REFERENCES_UNSOUND") as refusal:
            result_planes(read_scan(tmp_path / "ct"))
        assert any(uid in str(refusal.value) for uid in ("SOPInstanceUID", keyword))
        assert "QXZ" not in str(refusal.value)
    elif "HEADER_PASSED_ON" in codes:
        with pytest.raises(ValueError, match="Invalid value for VR UI"):  # the strict reader's
            results_of(tmp_path / "ct", tmp_path)
    else:
        results_of(tmp_path / "ct", tmp_path)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("vr", ["SQ", "US", "OB", "UN", "FD"])
def test_an_element_of_another_type(
    keyword: str,
    vr: str,
    tmp_path: Path,
    cube: Volume,
    write_series: Callable[..., list[Path]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    for path in write_series(tmp_path / "ct", cube):
        put(path, keyword, b"" if vr == "SQ" else b"QXZ7QXZ8", vr)
    codes = told(tmp_path / "ct", keyword)
    assert codes or vr in ("SQ", "UN")  # a private program may well have written text as UN
    if "REFERENCES_UNSOUND" in codes:
        assert keyword in REFERRED_BY
        with refused(OutputError, "REFERENCES_UNSOUND", keyword):
            result_planes(read_scan(tmp_path / "ct"))
    else:
        results_of(tmp_path / "ct", tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_an_element_that_is_missing(
    keyword: str, tmp_path: Path, cube: Volume, write_series: Callable[..., list[Path]]
) -> None:
    write_series(tmp_path / "ct", cube, **{keyword: None})
    if keyword == "SOPInstanceUID":
        assert told(tmp_path / "ct", keyword) == ["REFERENCES_UNSOUND"]
        with refused(OutputError, "REFERENCES_UNSOUND", "SOPInstanceUID", 3):
            result_planes(read_scan(tmp_path / "ct"))
    else:
        results_of(tmp_path / "ct", tmp_path)


@pytest.mark.parametrize("keyword", sorted(set(FILED_BY) - {"PatientID"}))  # it parts patients
def test_a_value_that_some_slices_lack_is_the_others(
    keyword: str, tmp_path: Path, cube: Volume, write_series: Callable[..., list[Path]]
) -> None:
    sound = {"PatientSex": "F", "StudyTime": "101112"}.get(keyword, "19600201")
    paths = write_series(tmp_path / "ct", cube, **{keyword: sound})
    put(paths[0], keyword, b"QXZ7\x07 ")
    assert told(tmp_path / "ct", keyword)[-1:] == ["HEADER_LEFT_OUT"]
    for result in results_of(tmp_path / "ct", tmp_path):
        assert str(result[keyword].value) == sound


def test_a_list_of_names_is_no_name(
    tmp_path: Path, cube: Volume, write_series: Callable[..., list[Path]]
) -> None:
    for path in write_series(tmp_path / "ct", cube):
        dataset = dcmread(path)
        item = Dataset()
        item.PatientName = "QXZ7^Jane"
        del dataset.PatientName
        dataset.add_new("PatientName", "SQ", Sequence([item]))
        dataset.save_as(path)
    assert told(tmp_path / "ct", "PatientName") == ["HEADER_LEFT_OUT"]
    assert [str(result.PatientName) for result in results_of(tmp_path / "ct", tmp_path)] == ["", ""]
