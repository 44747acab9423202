"""A tiny CT phantom and the DICOM files of it, written with pydicom alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from afunet.errors import AfunetError
from afunet.geometry import Volume

SERIES_UID = "1.2.826.0.1.3680043.8.498.1"
STUDY_UID = "1.2.826.0.1.3680043.8.498.8"
FRAME_UID = "1.2.826.0.1.3680043.8.498.9"
PATIENT = {
    "PatientName": "Doe^Jane",
    "PatientID": "PID-4711",
    "PatientBirthDate": "19510203",
    "AccessionNumber": "ACC-0815",
    "StudyDescription": "knee of Jane Doe",
    "StudyDate": "20200304",
}

WriteSeries = Callable[..., list[Path]]


def rotation(degrees: tuple[float, float, float]) -> np.ndarray:
    """Turn about x, then y, then z."""
    a, b, c = np.radians(degrees)
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return np.array(about_z) @ np.array(about_y) @ np.array(about_x)


def affine_of(directions: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(directions, dtype=float) * spacing_mm
    affine[:3, 3] = (-30.5, 12.25, 140.0)
    return affine


def hu_values(slices: int = 4, rows: int = 6, columns: int = 5) -> np.ndarray:
    """Every voxel another whole HU, from -1000 on in steps of 17: air and bone are among them."""
    steps = np.arange(slices * rows * columns).reshape(slices, rows, columns)
    return (17 * steps - 1000).astype(np.int16)


def slice_dataset(hu: np.ndarray, affine: np.ndarray, index: int, **elements: Any) -> Dataset:
    """One CT image with intercept -1024; `elements` replace others, None removes one."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    row, column = affine[:3, 0] / spacing[0], affine[:3, 1] / spacing[1]
    position = (affine @ [0, 0, index, 1])[:3]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.file_meta.MediaStorageSOPInstanceUID = f"{SERIES_UID}.{index + 1}"
    values = {
        **PATIENT,
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": f"{SERIES_UID}.{index + 1}",
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": SERIES_UID,
        "FrameOfReferenceUID": FRAME_UID,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": index + 1,
        "ImagePositionPatient": [f"{value:.9g}" for value in position],
        "ImageOrientationPatient": [f"{value:.9g}" for value in (*row, *column)],
        # DICOM: between rows first, between columns second.
        "PixelSpacing": [f"{spacing[1]:.9g}", f"{spacing[0]:.9g}"],
        "SliceThickness": f"{spacing[2]:.9g}",
        "ConvolutionKernel": "B60f",
        "Rows": hu.shape[0],
        "Columns": hu.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        **elements,
    }
    stored = (hu.astype(np.int32) - (values["RescaleIntercept"] or 0)) / (
        values["RescaleSlope"] or 1
    )
    kind = np.int16 if values["PixelRepresentation"] else np.uint16
    values.setdefault("PixelData", np.rint(stored).astype(kind).tobytes())
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    return dataset


def save(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def save_series(
    folder: Path,
    volume: Volume,
    *,
    skip: tuple[int, ...] = (),
    change: Callable[[int], dict[str, Any]] = lambda index: {},
    compress: Callable[[Dataset], None] = lambda dataset: None,
    **elements: Any,
) -> list[Path]:
    """One file a slice in scrambled name order; `change(index)` replaces elements of a slice."""
    paths = []
    for index, hu in enumerate(volume.voxels):
        if index not in skip:
            dataset = slice_dataset(hu, volume.affine, index, **{**elements, **change(index)})
            compress(dataset)
            # Names run against the order of the slices and have no ending.
            paths.append(save(dataset, folder / f"IM{len(volume.voxels) - index:04d}"))
    return paths


@pytest.fixture(scope="session")
def oblique() -> Volume:
    """A phantom with no axis along the patient's, 0.7 × 0.8 × 2.5 mm."""
    return Volume(hu_values(), affine_of(rotation((10, -20, 35)), (0.7, 0.8, 2.5)))


@pytest.fixture(scope="session")
def axial() -> Volume:
    """A phantom along the patient's axes, 0.5 × 0.5 × 2 mm, slices from z = 140 mm on."""
    return Volume(hu_values(), affine_of(np.eye(3), (0.5, 0.5, 2.0)))


@pytest.fixture(scope="session")
def write_series() -> WriteSeries:
    return save_series


@pytest.fixture(scope="session")
def write_slice() -> Callable[..., Path]:
    """Write one slice: `write_slice(path, hu, affine, index, **elements)`."""

    def write(path: Path, hu: np.ndarray, affine: np.ndarray, index: int, **elements: Any) -> Path:
        return save(slice_dataset(hu, affine, index, **elements), path)

    return write


@pytest.fixture(scope="session")
def refusal() -> Callable[..., AfunetError]:
    """`refusal(error, function, ...)`: what it raised, checked to be a line without identifiers."""

    def error_of(
        kind: type[AfunetError], function: Callable[..., Any], *args: Any, **kw: Any
    ) -> AfunetError:
        with pytest.raises(kind) as raised:
            function(*args, **kw)
        message = str(raised.value)
        assert type(raised.value) is kind
        assert message
        assert "\n" not in message
        assert not any(value in message for value in PATIENT.values())
        return raised.value

    return error_of


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real CT, by AFUNET_DATA or beside the repository."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("AFUNET_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real CT at {folder}: set AFUNET_DATA to its folder")
    return folder
