"""Series that identifiers tear apart, scans that must not be mixed, and where they may lie."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage

from .archives import ARCHIVE, zip_folder
from .case import Case, Write, doubtful, refused, same
from .companions import other_uid
from .enhanced import write_enhanced
from .files import FRAME_UID, SERIES_UID, STUDY_UID, SliceFile, numbered
from .forms import as_series, below, changed, having, plain, together, with_contrast, writing
from .planes import SLICES, STEP_MM, heights_mm, stack

_EACH, _HALF, _SECOND = range(SLICES), range(SLICES // 2), range(1, SLICES, 2)
_PLAIN = writing(plain())


def _torn(where: range, **elements: Any) -> list[SliceFile]:
    """Some slices with other elements: a function gives one for the number of the slice."""

    def tear(file: SliceFile) -> SliceFile:
        values = {
            name: value(file.number) if callable(value) else value
            for name, value in elements.items()
        }
        return file.having(**values)

    return changed(plain(), tear, where)


def _anew(uid: str) -> Callable[[int], str]:
    return lambda number: f"{uid}.77.{number}"


def _mended(where: range, **elements: Any) -> Case:
    return doubtful(writing(_torn(where, **elements)), SLICES, "SERIES_JOINED")


def _shifted(by_mm: float, **elements: Any) -> list[SliceFile]:
    """The stack moved along the table, as a later scan with numbers of its own."""
    moved = numbered(stack(heights=heights_mm() + by_mm))
    own = {"SeriesNumber": 9, "AcquisitionNumber": 2, **elements}
    uid = str(own.pop("SeriesInstanceUID", other_uid(21)))
    files = as_series(moved, uid, suffix=3, **own)
    return [with_contrast(file) for file in files]


def _with_shifted(by_mm: float, **elements: Any) -> Write:
    return together(_PLAIN, below("OTHER", writing(_shifted(by_mm, **elements))))


def _twice_the_second_rounded() -> Write:
    files = numbered(stack(heights=heights_mm(SLICES, 1.87)))
    rounded = [
        file.having(ImagePositionPatient=[f"{value:.1f}" for value in file.plane.origin_mm])
        for file in as_series(files, SERIES_UID, suffix=4)
    ]
    return together(writing(files), below("copies", writing(rounded)))


def _two_stacks() -> list[SliceFile]:
    above = having(numbered(stack(heights=heights_mm(12) + 160.0)), StackID="2")
    return having(plain(), StackID="1") + above


def _enhanced(files: list[SliceFile], name: str = "ENHANCED") -> Write:
    return lambda folder: write_enhanced(folder / name, files)


def _linked(folder: Path) -> None:
    writing(plain())(folder / "store")
    (folder / "study").mkdir()
    (folder / "study" / "series").symlink_to(folder / "store")
    (folder / "study" / "up").symlink_to(folder)


def _packed(depth: int) -> Write:
    def write(folder: Path) -> None:
        writing(plain())(folder)
        archive = zip_folder(folder)
        for _ in range(depth):
            inner = archive.rename(folder / "inner.zip")
            with zipfile.ZipFile(archive, "w") as outer:
                outer.write(inner, "study/inner.zip")
            inner.unlink()

    return write


def _volume_file(folder: Path) -> None:
    (folder / "ct.nii.gz").write_bytes(b"\x1f\x8b" + bytes(100))


CASES: dict[str, Case] = {
    "frame of reference anew in each slice": _mended(_EACH, FrameOfReferenceUID=_anew(FRAME_UID)),
    "frame of reference missing in every second slice": _mended(_SECOND, FrameOfReferenceUID=None),
    "series UID anew in each slice": _mended(_EACH, SeriesInstanceUID=_anew(SERIES_UID)),
    "series UID missing in every second slice": _mended(_SECOND, SeriesInstanceUID=None),
    "series UID changed half-way": _mended(_HALF, SeriesInstanceUID=other_uid(20)),
    "study UID anew in each slice": _mended(_EACH, StudyInstanceUID=_anew(STUDY_UID)),
    "all UIDs anew in each slice": _mended(
        _EACH,
        StudyInstanceUID=_anew(STUDY_UID),
        SeriesInstanceUID=_anew(SERIES_UID),
        FrameOfReferenceUID=_anew(FRAME_UID),
    ),
    "patient number missing in every second slice": _mended(_SECOND, PatientID=None),
    "patient number missing half-way": _mended(_HALF, PatientID=None),
    "patient name anew in each slice": _mended(_EACH, PatientName=lambda number: f"Anon{number}"),
    "modality missing in every second slice": _mended(_SECOND, Modality=None),
    "modality missing": same(writing(having(plain(), Modality=None)), SLICES, "NO_MODALITY"),
    "series number and times anew in each slice": _mended(
        _EACH,
        SeriesNumber=lambda number: number,
        AcquisitionTime=lambda number: str(101000 + number),
    ),
    "patient number changed in every second slice": refused(
        writing(_torn(_SECOND, PatientID="TORTURE-2")), "SEVERAL_PATIENTS"
    ),
    "modality MR in every second slice": refused(
        writing(_torn(_SECOND, Modality="MR")), "SERIES_TORN"
    ),
    "class and modality MR in the last slice": refused(
        writing(_torn(range(SLICES - 1, SLICES), Modality="MR", SOPClassUID=MRImageStorage)),
        "SERIES_TORN",
    ),
    "every second slice calls itself a localizer": refused(
        writing(_torn(_SECOND, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])), "SERIES_TORN"
    ),
    "every second slice is a secondary capture": refused(
        writing(_torn(_SECOND, SOPClassUID=SecondaryCaptureImageStorage)), "SERIES_TORN"
    ),
    "two patients end to end": refused(
        _with_shifted(SLICES * STEP_MM, PatientID="TORTURE-2"), "SEVERAL_PATIENTS"
    ),
    "two patients in between each other": refused(
        _with_shifted(STEP_MM / 2, PatientID="TORTURE-2"), "SEVERAL_PATIENTS"
    ),
    "another kernel in between": same(
        _with_shifted(STEP_MM / 2, ConvolutionKernel="B20f"), SLICES, "SEVERAL_SERIES"
    ),
    "a later series in between": same(_with_shifted(STEP_MM / 2), SLICES, "SEVERAL_SERIES"),
    "two phases in between each other in one series": same(
        _with_shifted(STEP_MM / 2, SeriesInstanceUID=SERIES_UID), SLICES, "SEVERAL_ACQUISITIONS"
    ),
    "a series of no patient further up": same(
        _with_shifted(300.0, PatientID=None, PatientName=None), SLICES, "SEVERAL_SERIES"
    ),
    "copies rounded to 0.1 mm": doubtful(_twice_the_second_rounded(), SLICES, "DUPLICATE_SLICES"),
    "enhanced multi-frame of two stacks": same(_enhanced(_two_stacks()), SLICES, "SEVERAL_SERIES"),
    "enhanced multi-frame, a stack for each frame": doubtful(
        _enhanced([file.having(StackID=str(file.number)) for file in plain()]),
        SLICES,
        "SERIES_JOINED",
    ),
    "enhanced multi-frame of two temporal positions": same(
        _enhanced(
            having(plain(), TemporalPositionIndex=1)
            + having(map(with_contrast, plain()), TemporalPositionIndex=2)
        ),
        SLICES,
        "SEVERAL_ACQUISITIONS",
    ),
    "enhanced multi-frame of two phases told by an index": same(
        _enhanced(plain() + having(map(with_contrast, plain()), DimensionIndex=2)),
        SLICES,
        "SEVERAL_ACQUISITIONS",
    ),
    "series behind a link": same(_linked, SLICES, "LINKED_FOLDERS", read="study"),
    "zip archive in a zip archive": same(_packed(1), SLICES, read=ARCHIVE),
    "zip archives four deep": refused(_packed(3), "ARCHIVE_SIZE", ARCHIVE),
    "folder of a volume file": refused(_volume_file, "NO_DICOM"),
}
