"""How a DICOM result was written: what is needed to write it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from afunet.errors import InputError
from afunet.formats.dicom.segmentation_kind import SegmentationKind


@dataclass(frozen=True, repr=False)
class Written:
    """The study of a result, whether it leaves the patient out, and how it stores its voxels."""

    study: str
    deidentified: bool
    kind: SegmentationKind = SegmentationKind.BINARY


def read_written(path: Path) -> Written:
    """Read the header of a Segmentation or RT Structure Set; `InputError` if it is broken."""
    keywords = ["StudyInstanceUID", "PatientIdentityRemoved", "SegmentationType"]
    try:
        header = dcmread(path, specific_tags=keywords, stop_before_pixels=True)
        kind = SegmentationKind(str(header.get("SegmentationType", "BINARY")).lower())
    except (InvalidDicomError, OSError, ValueError) as reason:
        raise InputError(
            f"{path.name} cannot be read ({type(reason).__name__}): move it to another place",
            code="FILE_BROKEN",
        ) from None
    removed = str(header.get("PatientIdentityRemoved", "NO")) == "YES"
    return Written(str(header.get("StudyInstanceUID", "")), removed, kind)
