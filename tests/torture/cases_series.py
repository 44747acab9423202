"""What lies beside the slices, and several series or acquisitions of them."""

from __future__ import annotations

from pathlib import Path

from . import companions
from .case import Case, Write, doubtful, refused, same
from .companions import other_uid
from .files import SERIES_UID, SliceFile, numbered
from .forms import (
    as_series,
    below,
    edited,
    having,
    on_medium,
    plain,
    together,
    with_contrast,
    writing,
)
from .planes import SLICES, coronal, heights_mm, stack

_HALF = SLICES // 2
_PLAIN = writing(plain())


def _beside(*others: Write) -> Write:
    return together(_PLAIN, *(below("OTHER", other) for other in others))


def _thick_series() -> list[SliceFile]:
    thick = numbered(stack(heights=heights_mm(_HALF, 4.0)))
    return as_series(thick, other_uid(11), SliceThickness=4.0, SeriesNumber=3)


def _second_phase() -> list[SliceFile]:
    later = as_series(plain(), SERIES_UID, suffix=1, AcquisitionNumber=2)
    return [with_contrast(file).having(InstanceNumber=file.number + SLICES) for file in later]


def _end_to_end() -> list[SliceFile]:
    return having(plain()[:_HALF], AcquisitionNumber=1) + having(
        plain()[_HALF:], AcquisitionNumber=2
    )


def _other_kernel() -> list[SliceFile]:
    sharp = as_series(plain(), SERIES_UID, suffix=1, ConvolutionKernel="B30f")
    return [with_contrast(file).having(InstanceNumber=file.number + SLICES) for file in sharp]


def _in_nested_folders(folder: Path) -> None:
    for start in range(0, SLICES, 12):
        part = plain()[start : start + 12]
        below(f"DICOM/ST 1/Serie ä/{start:02d}", writing(part))(folder)


def _empty_one(path: Path) -> None:
    path.write_bytes(b"")


def _only_captures(folder: Path) -> None:
    for number in range(1, 4):
        path = folder / f"CAPTURE{number}"
        companions.write_capture(path, 20, ["DERIVED", "SECONDARY"], InstanceNumber=number)


def _only_scouts(folder: Path) -> None:
    companions.write_localizer(folder)


_REFORMATS = [
    file.having(
        SOPInstanceUID=f"{SERIES_UID}.1.{file.number}", ImageType=["DERIVED", "SECONDARY", "MPR"]
    )
    for file in numbered(coronal())
]

CASES: dict[str, Case] = {
    "localizer among the slices": same(together(_PLAIN, companions.write_localizer), SLICES),
    "localizer as a series beside": same(
        _beside(lambda folder: companions.write_localizer(folder, other_uid(10))), SLICES
    ),
    "dose report beside": same(_beside(companions.write_dose_report), SLICES),
    "dose page beside (capture with modality CT)": same(
        _beside(companions.write_dose_page), SLICES
    ),
    "report and presentation state beside": same(
        _beside(companions.write_report, companions.write_presentation_state), SLICES
    ),
    "segmentation beside": same(_beside(companions.write_segmentation), SLICES),
    "encapsulated PDF beside": same(_beside(companions.write_encapsulated_pdf), SLICES),
    "derived reformats beside": same(_beside(companions.write_reformats), SLICES, "SEVERAL_SERIES"),
    "reformats in the same series": same(
        together(_PLAIN, below("MPR", writing(_REFORMATS))), SLICES, "SEVERAL_SERIES"
    ),
    "thicker reconstruction beside": same(
        _beside(writing(_thick_series())), SLICES, "SEVERAL_SERIES"
    ),
    "two acquisitions in one series (phases)": same(
        _beside(writing(_second_phase())), SLICES, "SEVERAL_ACQUISITIONS"
    ),
    "two acquisitions end to end": same(writing(_end_to_end()), SLICES),
    "two kernels in one series": same(_beside(writing(_other_kernel())), SLICES),
    "derived images only": doubtful(
        writing(having(plain(), ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
        SLICES,
        "DERIVED_SERIES",
    ),
    "everything beside": same(
        _beside(
            lambda folder: companions.write_localizer(folder, other_uid(10)),
            companions.write_dose_report,
            companions.write_dose_page,
            companions.write_segmentation,
            companions.write_encapsulated_pdf,
            companions.write_reformats,
            companions.write_foreign_files,
        ),
        SLICES,
        "SEVERAL_SERIES",
        "FOREIGN_FILES",
    ),
    "nested folders": same(_in_nested_folders, SLICES),
    "foreign files among the slices": same(
        together(_PLAIN, companions.write_foreign_files), SLICES, "FOREIGN_FILES"
    ),
    "one file empty": doubtful(
        edited(_PLAIN, _empty_one, "IM0008"), SLICES, "GAP", "FOREIGN_FILES"
    ),
    "DICOMDIR": same(on_medium(_PLAIN), SLICES, "DICOMDIR"),
    "DICOMDIR by its name": same(on_medium(_PLAIN), SLICES, "DICOMDIR", read="DICOMDIR"),
    "another patient's series beside": refused(
        _beside(writing(having(_thick_series(), PatientID="TORTURE-2"))), "SEVERAL_PATIENTS"
    ),
    "another patient's slices in the same series": refused(
        _beside(writing(having(_second_phase(), PatientID="TORTURE-2"))), "SEVERAL_PATIENTS"
    ),
    "wrong modality (MR)": refused(writing(having(plain(), Modality="MR")), "NO_CT_SERIES"),
    "only a localizer": refused(_only_scouts, "NO_CT_SERIES"),
    "only derived captures": refused(_only_captures, "NO_CT_SERIES"),
    "only a dose report": refused(companions.write_dose_report, "NO_CT_SERIES"),
    "no DICOM": refused(companions.write_foreign_files, "NO_DICOM"),
    "empty folder": refused(lambda folder: None, "NO_DICOM"),
}
