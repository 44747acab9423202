"""What lies beside the slices of a study: scouts, reports, captures, reformats, and no DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    XRayRadiationDoseSRStorage,
)

from .encoding import Stored, put_native
from .files import (
    FRAME_UID,
    SERIES_UID,
    SliceFile,
    common_elements,
    described,
    numbered,
    pixel_elements,
    save,
    write_all,
    write_one,
)
from .identifiers import UID_ROOT
from .planes import FEET, LARGE_FIELD, LEFT, coronal, stack

BYTES = Stored(allocated=8, bits=8)


def other_uid(number: int) -> str:
    """The UID of a series other than that of the slices."""
    return f"{UID_ROOT}.5.{number}"


def localizer(series_uid: str = SERIES_UID) -> SliceFile:
    """A scout: a frontal image through the leg, by its type a localizer."""
    plane = stack(LEFT, FEET, [0.0], field=LARGE_FIELD)[0]
    return SliceFile(plane, 900).having(
        SeriesInstanceUID=series_uid,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        SliceThickness=None,
        SeriesDescription="Topogram",
    )


def write_localizer(folder: Path, series_uid: str = SERIES_UID) -> None:
    """Write a scout beside the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    write_one(folder / "SCOUT", localizer(series_uid))


def write_reformats(folder: Path) -> None:
    """A derived series of coronal reformats, with more slices than the original one."""
    reformats = numbered(coronal())
    write_all(
        folder,
        [
            file.having(
                SeriesInstanceUID=other_uid(1),
                SOPInstanceUID=f"{other_uid(1)}.{file.number}",
                ImageType=["DERIVED", "SECONDARY", "MPR"],
                SeriesNumber=5,
            )
            for file in reformats
        ],
    )


def write_dose_report(folder: Path) -> None:
    """A structured dose report: no image."""
    _write_document(folder / "DOSE", XRayRadiationDoseSRStorage, "SR", 2, ValueType="CONTAINER")


def write_report(folder: Path) -> None:
    """A structured report of the findings: no image."""
    _write_document(folder / "REPORT", ComprehensiveSRStorage, "SR", 3, ValueType="CONTAINER")


def write_presentation_state(folder: Path) -> None:
    """How to show the images: no image."""
    _write_document(folder / "STATE", GrayscaleSoftcopyPresentationStateStorage, "PR", 4)


def write_encapsulated_pdf(folder: Path) -> None:
    """A PDF in DICOM."""
    document = b"%PDF-1.4\n%%EOF\n\0"
    _write_document(
        folder / "PDF",
        EncapsulatedPDFStorage,
        "DOC",
        5,
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=document,
        BurnedInAnnotation="YES",
    )


def write_dose_page(folder: Path) -> None:
    """The dose as a screen capture with modality CT and no place in the patient."""
    write_capture(folder / "DOSEPAGE", 6, ["DERIVED", "SECONDARY", "OTHER"])


def write_capture(path: Path, series: int, image_type: list[str], **elements: Any) -> None:
    """A secondary capture of 8 bits: a picture, no slice."""
    grey = np.add.outer(np.arange(120), np.arange(160)).astype(np.uint8)
    dataset = _document(
        SecondaryCaptureImageStorage,
        "CT",
        series,
        ImageType=image_type,
        ConversionType="WSD",
        **pixel_elements(120, 160, BYTES),
        **elements,
    )
    put_native(dataset, grey)
    _save(dataset, path)


def write_segmentation(folder: Path) -> None:
    """A binary segmentation on the grid of the slices: modality SEG, one bit a pixel."""
    frames, rows, columns = 4, 16, 16
    dataset = _document(
        SegmentationStorage,
        "SEG",
        7,
        FrameOfReferenceUID=FRAME_UID,
        ImageType=["DERIVED", "PRIMARY"],
        SegmentationType="BINARY",
        NumberOfFrames=frames,
        **{**pixel_elements(rows, columns, BYTES), "BitsAllocated": 1, "BitsStored": 1},
    )
    dataset.HighBit = 0
    put_native(dataset, np.packbits(np.eye(rows, dtype=np.uint8).repeat(frames, axis=0)))
    _save(dataset, folder / "SEG")


def write_foreign_files(folder: Path) -> None:
    """Files that are no DICOM, some with its ending."""
    (folder / "viewer").mkdir(parents=True, exist_ok=True)
    (folder / "viewer" / "autorun.inf").write_text("[autorun]\nopen=viewer.exe\n")
    (folder / "viewer" / "viewer.exe").write_bytes(b"MZ" + bytes(range(256)) * 8)
    (folder / "Thumbs.db").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    (folder / "readme.dcm").write_text("These are the images of your examination.\n" * 9)
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(200))
    (folder / "empty").write_bytes(b"")


def _write_document(
    path: Path, sop_class: str, modality: str, series: int, **elements: Any
) -> None:
    _save(_document(sop_class, modality, series, **elements), path)


def _document(sop_class: str, modality: str, series: int, **elements: Any) -> Dataset:
    uid = other_uid(series)
    dataset = described(
        {
            **common_elements(),
            "SOPClassUID": sop_class,
            "SOPInstanceUID": f"{uid}.1",
            "SeriesInstanceUID": uid,
            "SeriesNumber": 90 + series,
            "Modality": modality,
            "InstanceNumber": 1,
            "ReferencedPerformedProcedureStepSequence": Items(),
            **elements,
        }
    )
    return dataset


def _save(dataset: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(dataset, path)
