"""Writing a simulated CT as a DICOM series: CT Image Storage, explicit little endian."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from afunet.errors import GeometryError, OutputError
from afunet.geometry import Volume
from afunet.phantom.version import SIMULATOR

INTERCEPT_HU = -1024
"""HU of the stored value 0; with slope 1, 12 bits reach up to 3071 HU."""

_TOP = 4095
# The root for identifiers made from hashes (DICOM PS3.5 B.2: 2.25 is the root of UUIDs).
_ROOT = "2.25."


def write_dicom_series(volume: Volume, folder: Path, seed: int = 0) -> list[Path]:
    """Write one file per slice (HU volume, any right-handed oblique affine); returns the paths.

    The folder is created if needed. Identifiers depend on the seed alone: the same volume and
    seed give the same bytes. HU are rounded and clipped to -1024…3071. Raises `GeometryError`
    if rows, columns and slices are not perpendicular, and `OutputError` if the folder cannot be
    written.
    """
    _require_right_angles(volume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for index in range(volume.shape[0]):
            path = folder / f"slice{index + 1:04d}.dcm"
            _dataset(volume, index, seed).save_as(path, enforce_file_format=True)
            paths.append(path)
    except OSError as error:
        raise OutputError(f"cannot write DICOM files to {folder}: {error.strerror}") from error
    return paths


def _dataset(volume: Volume, index: int, seed: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(seed, f"instance {index}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid(0, "implementation")
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _identify(dataset, index, seed)
    _place(dataset, volume, index)
    _fill(dataset, volume.voxels[index])
    return dataset


def _identify(dataset: FileDataset, index: int, seed: int) -> None:
    """Patient, study, series and instance (PS3.3 C.7.1 to C.7.4)."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "PHANTOM^AFUNET"
    dataset.PatientID = f"PHANTOM{seed}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.StudyDate = "20000101"
    dataset.StudyTime = "120000"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.StudyInstanceUID = _uid(seed, "study")
    dataset.StudyDescription = "Simulated leg"
    dataset.Modality = "CT"
    dataset.Manufacturer = "afunet phantom"
    dataset.SoftwareVersions = SIMULATOR
    dataset.SeriesInstanceUID = _uid(seed, "series")
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = "Simulated CT"
    dataset.PatientPosition = "FFS"
    dataset.FrameOfReferenceUID = _uid(seed, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = index + 1


def _place(dataset: FileDataset, volume: Volume, index: int) -> None:
    """The slice's place (PS3.3 C.7.6.2): position of its first voxel, axes, spacing."""
    column_mm, row_mm, step_mm = volume.spacing_mm
    along_row, along_column, _ = volume.directions.T
    dataset.ImagePositionPatient = _decimals(volume.to_mm((0, 0, index)))
    dataset.ImageOrientationPatient = _decimals(np.concatenate([along_row, along_column]))
    dataset.PixelSpacing = _decimals(np.array([row_mm, column_mm]))
    dataset.SliceThickness = _decimals(np.array([step_mm]))[0]
    normal = np.cross(along_row, along_column)
    dataset.SliceLocation = _decimals(np.array([volume.to_mm((0, 0, index)) @ normal]))[0]
    dataset.KVP = "120"


def _fill(dataset: FileDataset, hu: NDArray[np.generic]) -> None:
    stored = np.clip(np.rint(hu.astype(np.float64)) - INTERCEPT_HU, 0, _TOP).astype("<u2")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept = str(INTERCEPT_HU)
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter = "500"
    dataset.WindowWidth = "1600"
    dataset.PixelData = stored.tobytes()


def _require_right_angles(volume: Volume) -> None:
    axes = volume.directions
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4:
        raise GeometryError(
            "a CT series needs perpendicular rows, columns and slices", code="SHEARED"
        )


def _decimals(values: NDArray[np.floating]) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 6.2, VR DS)."""
    return [f"{value:.10f}"[:16] if abs(value) >= 5e-11 else "0" for value in values]


def _uid(seed: int, what: str) -> UID:
    digest = hashlib.sha256(f"afunet phantom {seed} {what}".encode()).digest()
    return UID(_ROOT + str(int.from_bytes(digest[:16], "big")))
