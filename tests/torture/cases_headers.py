"""Values that break rules of PS3.5, and images that cannot be told apart by their UIDs."""

from __future__ import annotations

from collections.abc import Callable

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .case import Case, Write, same
from .forms import edited, plain, redone, writing
from .planes import SLICES

Change = Callable[[Dataset], None]


def _holding(keyword: str, content: bytes) -> Change:
    """An element with these bytes, whatever they are."""

    def change(dataset: Dataset) -> None:
        tag = tag_for_keyword(keyword)
        assert tag is not None
        even = content + b" " * (len(content) % 2)
        raw = RawDataElement(tag, dictionary_VR(tag), len(even), even, 0, False, True)
        dataset[tag] = raw

    return change


def _odd(keyword: str, content: bytes) -> Write:
    return edited(writing(plain()), redone(_holding(keyword, content)))


def _case(keyword: str, content: bytes, finding: str) -> Case:
    return same(_odd(keyword, content), SLICES, finding)


def _list_of_names(dataset: Dataset) -> None:
    item = Dataset()
    item.PatientName = dataset.PatientName
    del dataset.PatientName
    dataset.add_new("PatientName", "SQ", Sequence([item]))


def _without_instance(dataset: Dataset) -> None:
    del dataset.SOPInstanceUID


MENDED, LEFT_OUT, UNSOUND = "HEADER_MENDED", "HEADER_LEFT_OUT", "REFERENCES_UNSOUND"

CASES: dict[str, Case] = {
    "header: sex written out": _case("PatientSex", b"Male", MENDED),
    "header: sex an underscore": _case("PatientSex", b"_", LEFT_OUT),
    "header: study time with colons": _case("StudyTime", b"10:11:12", MENDED),
    "header: study time of seven decimals": _case("StudyTime", b"101112.1234567", MENDED),
    "header: study time that no clock shows": _case("StudyTime", b"2460", LEFT_OUT),
    "header: birth date with points": _case("PatientBirthDate", b"1960.02.01", MENDED),
    "header: birth date of two readings": _case("PatientBirthDate", b"01/02/1960", LEFT_OUT),
    "header: study date that no calendar has": _case("StudyDate", b"20240230", LEFT_OUT),
    "header: character set by its ISO name": _case("SpecificCharacterSet", b"ISO-8859-1", MENDED),
    "header: character set that is none": _case("SpecificCharacterSet", b"CP1252", LEFT_OUT),
    "header: name in undeclared letters": _case("PatientName", b"M\xfcller^J\xf6rg", LEFT_OUT),
    "header: name in undeclared UTF-8": _case("PatientName", "Müller".encode(), MENDED),
    "header: name of seven parts": _case("PatientName", b"A^B^C^D^E^F^G", LEFT_OUT),
    "header: name as a list": same(
        edited(writing(plain()), redone(_list_of_names)), SLICES, LEFT_OUT
    ),
    "header: patient ID of 80 letters": _case("PatientID", b"A" * 80, LEFT_OUT),
    "header: two study IDs": _case("StudyID", b"A\\B", LEFT_OUT),
    "header: control characters": _case("ReferringPhysicianName", b"A\x07\x1b[31m", LEFT_OUT),
    "header: study UID with a leading zero": _case(
        "StudyInstanceUID", b"1.02.3", "HEADER_PASSED_ON"
    ),
    "header: frame of reference anonymous": _case("FrameOfReferenceUID", b"anonymous", UNSOUND),
    "header: one UID for all images": _case("SOPInstanceUID", b"1.2.3.4", UNSOUND),
    "header: images without UID": same(
        edited(writing(plain()), redone(_without_instance)), SLICES, UNSOUND
    ),
}
