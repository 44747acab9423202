"""Read labels from a DICOM Segmentation (PS3.3 C.8.20): segment numbers on its own frames."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from pydicom import dcmread

from afunet.errors import InputError
from afunet.findings import info
from afunet.formats.labelling import Labelling
from afunet.formats.request import Request
from afunet.geometry import Volume

OTHER_LABELS = {"RTSTRUCT": "a DICOM RT Structure Set"}


def read_dicom_labels(request: Request) -> Labelling:
    """Read the segments of one DICOM Segmentation file as labels 1, 2, ….

    The volume has only the frames of the file: `is_part` says that it may be a part of its CT's
    grid. Raises `InputError` for other DICOM, for overlapping segments, for probabilities and for
    frames that do not form a straight even stack.
    """
    path = request.path
    modality = _modality(path)
    if modality != "SEG":
        what = OTHER_LABELS.get(modality, "a DICOM series")
        raise InputError(
            f"labels cannot be read from {what}, expected NIfTI, NRRD, MetaImage, PNG masks or a "
            "DICOM Segmentation; convert contours to labels on the grid of their CT, for example "
            "in 3D Slicer (Segmentations: Export to new labelmap with the CT as reference, save as "
            "NIfTI)",
            code="WRONG_KIND",
        )
    volume = _volume(path)
    message = f"a DICOM Segmentation with {len(np.unique(volume.voxels)) - 1} segments"
    return Labelling(volume, (info("SEGMENTATION", message, "read as labels"),), is_part=True)


def _modality(path: Path) -> str:
    """The modality of a DICOM file, "" for anything else."""
    if not path.is_file():
        return ""
    try:
        with warnings.catch_warnings(action="ignore"):
            return str(dcmread(path, specific_tags=["Modality"]).get("Modality", ""))
    except Exception:  # pydicom raises many kinds on broken files
        return ""


def _volume(path: Path) -> Volume:
    from highdicom.seg import segread  # half a second

    try:
        with warnings.catch_warnings(action="ignore"):
            read = segread(path).get_volume(combine_segments=True)
    except Exception:  # pydicom, highdicom and numpy raise their own types, with identifiers
        raise InputError(
            "the DICOM Segmentation cannot be read as labels: its segments overlap, are "
            "probabilities, or do not form a straight even stack; save it as NIfTI first",
            code="SEG_UNREADABLE",
        ) from None
    # highdicom's indices are (slice, row, column)
    return Volume(np.asarray(read.array), read.affine[:, [2, 1, 0, 3]])
