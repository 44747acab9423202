"""Convert between NIfTI files (RAS, column first) and volumes (LPS, slice first)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from afunet.errors import OutputError
from afunet.findings import refuse_if_strict
from afunet.formats.file_kinds import NIFTI_SUFFIXES
from afunet.formats.hu import rescaled, stacked
from afunet.formats.labelling import Labelling
from afunet.formats.nifti_file import is_half, opened, stored_numbers
from afunet.formats.nifti_placement import RAS_LPS, Placement, placement_of
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume
from afunet.whole_file import whole_file

KIND = "NIfTI"
SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
DESCRIPTION_BYTES = 79
WRITABLE = (np.uint8, np.int16, np.uint16, np.int32, np.float32)


def is_nifti(paths: tuple[Path, ...]) -> bool:
    """Whether a path is a NIfTI file by its suffix, or one half of a pair of .hdr and .img."""
    return any(
        path.is_file() and (path.name.lower().endswith(NIFTI_SUFFIXES) or is_half(path))
        for path in paths
    )


def read_nifti(request: Request) -> Scan:
    """Read one NIfTI volume of HU on its own grid, whatever the order and signs of its axes.

    The spatial unit may be metre, millimetre (also if none is stated) or micrometre. A file that is
    compressed although its name says otherwise, or the reverse, is read with a finding. Raises
    `InputError` for a broken file and for anything but one volume with one number per voxel, and
    `GeometryError` if it cannot be placed.
    """
    request.watch.check()
    stored, scale, placement = _read(request.path)
    planes = (rescaled(plane, *scale) for plane in _planes(stored, request))
    volume = Volume(stacked(planes, stored.shape), placement.affine)
    refuse_if_strict(placement.findings, request.strict)
    return Scan(volume, Source(KIND, 1), placement.findings)


def read_nifti_labels(request: Request) -> Labelling:
    """Read one NIfTI volume of labels as stored; errors as in `read_nifti`."""
    stored, (slope, intercept), placement = _read(request.path)
    is_scaled = (slope, intercept) != (1.0, 0.0)
    voxels = stored * slope + intercept if is_scaled else stored
    volume = Volume(np.ascontiguousarray(voxels), placement.affine)
    is_whole = np.issubdtype(stored.dtype, np.integer)
    return Labelling(volume, placement.findings, abs(slope) if is_scaled and is_whole else 0.0)


def write_nifti(volume: Volume, path: Path, description: str = "") -> None:
    """Write voxels and grid unchanged, as .nii or .nii.gz by the path's suffix.

    Both sform and qform are set (scanner coordinates, millimetres). Voxels keep their type:
    uint8, int16, uint16, int32, float32; bool becomes uint8. Raises `OutputError` for another type
    or suffix and if the file cannot be written completely.
    """
    if not path.name.lower().endswith(NIFTI_SUFFIXES):
        raise OutputError(
            f"cannot write {path.name} as NIfTI: name it .nii.gz or .nii", code="UNKNOWN_FORMAT"
        )
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    if voxels.dtype not in WRITABLE:
        raise OutputError(
            f"NIfTI voxels must be uint8, int16, uint16, int32 or float32, not {voxels.dtype}",
            code="VOXEL_TYPE",
        )
    affine = RAS_LPS @ volume.affine
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), affine)
    image.set_sform(affine, code=SCANNER)
    image.set_qform(affine, code=SCANNER)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:DESCRIPTION_BYTES]
    with whole_file(path) as unfinished:
        nibabel.save(image, unfinished)


def _read(path: Path) -> tuple[NDArray[Any], tuple[float, float], Placement]:
    """The stored numbers (slice, row, column), their slope and intercept, and their placement."""
    with opened(path) as file:
        stored = stored_numbers(file, path)
    scale = float(file.image.dataobj.slope), float(file.image.dataobj.inter)
    placement = placement_of(file.image.header)
    return stored, scale, replace(placement, findings=(*file.findings, *placement.findings))


def _planes(stored: NDArray[Any], request: Request) -> Iterator[NDArray[Any]]:
    for number, plane in enumerate(stored, start=1):
        request.watch.check()
        yield plane
        request.watch.tell("reading slices", number, len(stored))
