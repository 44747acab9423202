"""NIfTI files (RAS, column first) and volumes (LPS, slice first)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError, OutputError
from afunet.formats.findings import Finding, warning
from afunet.formats.hu import rescaled, stacked
from afunet.formats.lengths import require_believable
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.formats.whole_file import whole_file
from afunet.geometry import Volume

KIND = "NIfTI"
SUFFIXES = (".nii", ".nii.gz")
SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
DESCRIPTION_BYTES = 79
SAME_CORNER_MM = 0.1

# RAS and LPS differ in the sign of x and y; the matrix is its own inverse.
RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
UNIT_MM = {"meter": 1000.0, "micron": 0.001, "mm": 1.0, "unknown": 1.0}
WRITABLE = (np.uint8, np.int16, np.uint16, np.int32, np.float32)


def read_nifti(request: Request) -> Scan:
    """Read one NIfTI volume of HU on its own grid, whatever its axes' order and signs.

    The spatial unit may be metre, millimetre (also where none is said) or micrometre.
    Raises `InputError` for a broken file and for anything but one volume of single numbers.
    """
    request.cancel.check()
    image = _load(request.path)
    stored = _stored(image, request.path)
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    voxels = stacked(
        (rescaled(plane, slope, intercept) for plane in _planes(stored, request)), stored.shape
    )
    return Scan(Volume(voxels, _lps_affine(image)), Source(KIND, 1), _findings(image))


def read_nifti_labels(request: Request) -> Volume:
    """Read one NIfTI volume of labels as stored; errors as in `read_nifti`."""
    image = _load(request.path)
    stored = _stored(image, request.path)
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    voxels = stored if (slope, intercept) == (1.0, 0.0) else stored * slope + intercept
    return Volume(np.ascontiguousarray(voxels), _lps_affine(image))


def write_nifti(volume: Volume, path: Path, description: str = "") -> None:
    """Write voxels and grid as they are, as .nii or .nii.gz by the path's end.

    Both sform and qform are set (scanner coordinates, millimetres). Voxels keep their type:
    uint8, int16, uint16, int32, float32; bool becomes uint8. Raises `OutputError` for another type
    or name and where the file cannot be written whole.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise OutputError(f"cannot write {path.name} as NIfTI: name it .nii.gz or .nii")
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    if voxels.dtype not in WRITABLE:
        raise OutputError(
            f"NIfTI voxels must be uint8, int16, uint16, int32 or float32, not {voxels.dtype}"
        )
    affine = RAS_LPS @ volume.affine
    image = nibabel.Nifti1Image(voxels.transpose(2, 1, 0), affine)
    image.set_sform(affine, code=SCANNER)
    image.set_qform(affine, code=SCANNER)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:DESCRIPTION_BYTES]
    with whole_file(path) as unfinished:
        nibabel.save(image, unfinished)


def _load(path: Path) -> Any:
    with _broken_files_refused(path):
        image = nibabel.load(path)
    if not isinstance(image, nibabel.Nifti1Image):  # NIfTI-2 is a subclass
        raise InputError(f"{path.name} is not NIfTI: give a NIfTI volume")
    return image


def _stored(image: Any, path: Path) -> NDArray[Any]:
    """The stored numbers, (slice, row, column), not yet rescaled."""
    shape = image.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise InputError(f"the NIfTI file holds an array of {shape}, expected one 3D volume")
    if image.get_data_dtype().kind not in "iuf":
        raise InputError(
            f"the NIfTI file holds {image.get_data_dtype()} voxels, expected one number each"
        )
    with _broken_files_refused(path):
        stored = np.asarray(image.dataobj.get_unscaled())
    return stored.reshape(shape[:3]).transpose(2, 1, 0)


def _planes(stored: NDArray[Any], request: Request) -> Iterator[NDArray[Any]]:
    for number, plane in enumerate(stored, start=1):
        request.cancel.check()
        yield plane
        request.progress("reading slices", number, len(stored))


def _lps_affine(image: Any) -> NDArray[np.float64]:
    unit, _ = image.header.get_xyzt_units()
    if unit not in UNIT_MM:
        raise InputError(f"the NIfTI file's spatial unit is {unit}, expected mm, metre or micron")
    affine = RAS_LPS @ image.affine
    affine[:3] *= UNIT_MM[unit]
    if np.isfinite(affine).all():
        require_believable(np.linalg.norm(affine[:3, :3], axis=0), "the voxel size (pixdim)")
    return np.asarray(affine, dtype=np.float64)


def _findings(image: Any) -> tuple[Finding, ...]:
    qform, q_code = image.get_qform(coded=True)
    sform, s_code = image.get_sform(coded=True)
    if not q_code and not s_code:
        return (
            warning(
                "ORIENTATION_UNKNOWN",
                "the NIfTI file does not say how it lies in the patient; left and right may be "
                "swapped",
            ),
        )
    if not (q_code and s_code):
        return ()
    last = np.array([*(length - 1 for length in image.shape[:3]), 1])
    apart = max(np.abs((qform - sform) @ corner).max() for corner in (last, [0, 0, 0, 1]))
    if apart <= SAME_CORNER_MM:
        return ()
    message = f"the NIfTI file's two placements differ by up to {apart:.1f} mm; took the sform"
    return (warning("FORMS_DISAGREE", message),)


@contextmanager
def _broken_files_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception:  # nibabel, gzip and numpy each raise their own on a broken file
        raise InputError(f"{path.name} is broken or not NIfTI: copy or export it again") from None
