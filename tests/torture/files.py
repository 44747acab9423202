"""One plane as one DICOM CT file, written with pydicom alone, and folders of such files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from .encoding import UNSIGNED, Stored, StoredArray, put_pixels
from .identifiers import IDENTIFIERS, UID_ROOT
from .planes import STEP_MM, Plane

STUDY_UID, SERIES_UID, FRAME_UID = f"{UID_ROOT}.1", f"{UID_ROOT}.2", f"{UID_ROOT}.3"

HUArray = NDArray[np.float32]


@dataclass(frozen=True)
class SliceFile:
    """A plane and how to write it.

    `elements` are set last, by keyword; None removes one. `change_hu` and `change_stored` alter
    the pixels before and after they become stored numbers. Without a `header`, there are neither
    preamble nor file meta information; `syntax_named` False leaves the transfer syntax out of it.
    """

    plane: Plane
    number: int
    stored: Stored = UNSIGNED
    syntax: str = ExplicitVRLittleEndian
    elements: Mapping[str, Any] = field(default_factory=dict)
    change_hu: Callable[[HUArray], HUArray] = lambda hu: hu
    change_stored: Callable[[StoredArray], StoredArray] = lambda stored: stored
    header: bool = True
    syntax_named: bool = True
    name: str = ""

    def having(self, **elements: Any) -> SliceFile:
        """The same with other elements besides those that it has."""
        return replace(self, elements={**self.elements, **elements})


Change = Callable[[SliceFile], SliceFile]


def numbered(planes: Iterable[Plane], **options: Any) -> list[SliceFile]:
    """One file a plane, numbered from 1 in their order."""
    return [SliceFile(plane, number, **options) for number, plane in enumerate(planes, start=1)]


def write_all(folder: Path, slices: Iterable[SliceFile]) -> list[Path]:
    """Write files whose names have no ending and run against the order of the slices."""
    files = list(slices)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_one(folder / (file.name or f"IM{len(files) - index:04d}"), file)
        for index, file in enumerate(files)
    ]


def write_one(path: Path, file: SliceFile) -> Path:
    """Write one slice."""
    dataset = dataset_of(file)
    save(dataset, path, header=file.header, syntax_named=file.syntax_named)
    return path


def dataset_of(file: SliceFile) -> Dataset:
    """The CT image (PS3.3 A.3) of a slice, its pixels in its transfer syntax."""
    plane, stored = file.plane, file.stored
    values = {
        **common_elements(),
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{SERIES_UID}.{file.number}",
        "SeriesInstanceUID": SERIES_UID,
        "FrameOfReferenceUID": FRAME_UID,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": file.number,
        "AcquisitionNumber": 1,
        "ImagePositionPatient": decimals(plane.origin_mm),
        "ImageOrientationPatient": decimals((*plane.row, *plane.column)),
        "PixelSpacing": decimals((plane.field.between_rows_mm, plane.field.between_columns_mm)),
        "SliceThickness": STEP_MM,
        "RescaleSlope": stored.slope,
        "RescaleIntercept": stored.intercept,
        **pixel_elements(plane.field.rows, plane.field.columns, stored),
    }
    dataset = described(values)
    put_pixels(dataset, file.change_stored(stored.of(file.change_hu(plane.hu()))), file.syntax)
    with_elements(dataset, file.elements)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def common_elements() -> dict[str, Any]:
    """What all objects of the study have in common: the patient, the study and the scanner."""
    return {
        **IDENTIFIERS,
        "StudyInstanceUID": STUDY_UID,
        "StudyDate": "20200304",
        "StudyTime": "101112",
        "PatientSex": "F",
        "PatientPosition": "HFS",
        "BodyPartExamined": "KNEE",
        "Manufacturer": "Torture",
        "ManufacturerModelName": "Bench",
        "ConvolutionKernel": "B60f",
        "SeriesNumber": 2,
    }


def pixel_elements(rows: int, columns: int, stored: Stored) -> dict[str, Any]:
    """The description of the pixels (PS3.3 C.7.6.3)."""
    return {
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": stored.allocated,
        "BitsStored": stored.bits,
        "HighBit": stored.high_bit,
        "PixelRepresentation": int(stored.signed),
    }


def described(values: Mapping[str, Any]) -> Dataset:
    """A data set with file meta information for it; values of None are left out."""
    dataset = with_elements(Dataset(), values)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def with_elements(dataset: Dataset, values: Mapping[str, Any]) -> Dataset:
    """Set elements by keyword; None removes one."""
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def save(dataset: Dataset, path: Path, *, header: bool = True, syntax_named: bool = True) -> None:
    """Write a data set as DICOM asks for, or without what old exports leave out."""
    syntax = dataset.file_meta.TransferSyntaxUID
    whole = header and syntax_named
    if not syntax_named:
        del dataset.file_meta.TransferSyntaxUID
    if not header:
        del dataset.file_meta
    elif not whole:
        dataset.preamble = b"\0" * 128
    encoding: dict[str, Any] = {
        "implicit_vr": syntax == ImplicitVRLittleEndian,
        "little_endian": syntax.is_little_endian,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is not by the standard is so on purpose
        dcmwrite(path, dataset, enforce_file_format=whole, **({} if whole else encoding))


def decimals(numbers: Iterable[float]) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 section 6.2)."""
    return [f"{number:.9g}" for number in numbers]
