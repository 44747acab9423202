"""Read images from memory: volumes, NumPy arrays, nibabel and SimpleITK images."""

from __future__ import annotations

import sys
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.errors import ConfigError, GeometryError, InputError
from afunet.findings import warning
from afunet.formats.hu import rescaled, stacked
from afunet.formats.itk_placement import affine_of, require_plain
from afunet.formats.labelling import Labelling
from afunet.formats.lengths import Spacing, given_grid
from afunet.formats.nifti_placement import RAS_LPS, Placement, placement_of
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume

VOLUME, ARRAY, NIBABEL, ITK = "volume", "NumPy array", "nibabel image", "SimpleITK image"


def is_image(source: object) -> bool:
    """Whether this is an image in memory, not a path."""
    return bool(_kind_of(source))


def _kind_of(source: object) -> str:
    """The kind of an image in memory, "" for anything else.

    A library that is not imported yet has made no image, so it need not be imported now.
    """
    nibabel, itk = sys.modules.get("nibabel"), sys.modules.get("SimpleITK")
    if isinstance(source, Volume):
        return VOLUME
    if isinstance(source, np.ndarray):
        return ARRAY
    if nibabel is not None and isinstance(source, nibabel.spatialimages.SpatialImage):
        return NIBABEL
    return ITK if itk is not None and isinstance(source, itk.Image) else ""


def scan_in_memory(image: Any, spacing_mm: Spacing | None = None) -> Scan:
    """Read an image in HU as a scan on its own grid, whatever the order and signs of its axes.

    An array is (slice, row, column), axial from the feet to the head; `spacing_mm` is its voxel
    size along (column, row, slice), 1 mm if not given. The patient's left and right are unknown for
    an array; a `Volume` has an orientation. Raises `InputError` unless each voxel is one number and
    for masked voxels and voxels that cannot be loaded; `GeometryError` unless there are three axes,
    and for an image without an affine; `ConfigError` for an impossible spacing, or for a spacing
    beside an image that has its own.
    """
    hu, placement = _placed(image, spacing_mm)
    if hu.dtype != np.int16:
        hu = stacked((rescaled(plane) for plane in hu), hu.shape)
    source = Source(_kind_of(image), 0, spacing_known=placement.spacing_known)
    return Scan(Volume(hu, placement.affine), source, placement.findings)


def labels_in_memory(image: Any, spacing_mm: Spacing | None = None) -> Labelling:
    """Read an image of labels, as `scan_in_memory` reads HU."""
    voxels, placement = _placed(image, spacing_mm)
    return Labelling(Volume(voxels, placement.affine), placement.findings)


def _placed(image: Any, spacing_mm: Spacing | None) -> tuple[NDArray[Any], Placement]:
    """The voxels (slice, row, column), bool as uint8, and their placement."""
    if isinstance(image, np.ndarray):
        voxels, placement = image, _assumed(spacing_mm)
    elif spacing_mm is not None:
        raise ConfigError(
            "a spacing can be given for arrays only: this image has its own", code="OPTIONS_CLASH"
        )
    elif isinstance(image, Volume):
        voxels, placement = image.voxels, Placement(image.affine)
    elif _kind_of(image) == NIBABEL:
        voxels, placement = _nibabel_voxels(image), _nibabel_placement(image)
    else:
        _require_no_label_map(image)
        require_plain(image, "the SimpleITK image")
        voxels, placement = _itk_voxels(image), Placement(affine_of(image))
    return _plain(voxels), placement


def _plain(voxels: NDArray[Any]) -> NDArray[Any]:
    """The voxels as one number each along three axes, bool as uint8."""
    if voxels.dtype.kind not in "biuf":
        raise InputError(
            f"voxels are of type {voxels.dtype}, expected one number each", code="NOT_A_VOLUME"
        )
    if voxels.ndim != 3 or 0 in voxels.shape:
        raise GeometryError(
            f"the array has shape {voxels.shape}, expected (slice, row, column), none of them 0",
            code="BAD_SHAPE",
        )
    if isinstance(voxels, np.ma.MaskedArray):
        masked = int(np.count_nonzero(np.ma.getmaskarray(voxels)))
        if masked:
            raise InputError(
                f"{masked} of {voxels.size} voxels are masked, expected a value for each: fill "
                "them first",
                code="NOT_FINITE",
            )
    plain = np.asarray(voxels)
    return plain.astype(np.uint8) if plain.dtype.kind == "b" else plain


def _itk_voxels(image: Any) -> NDArray[Any]:
    import SimpleITK

    return np.asarray(SimpleITK.GetArrayFromImage(image))


def _require_no_label_map(image: Any) -> None:
    """Refuse a label map: SimpleITK aborts Python when it is asked for the size of its voxels."""
    kind = image.GetPixelIDTypeAsString()
    if "label" in kind:
        raise InputError(
            f"the SimpleITK image is a {kind}, expected one number a voxel: convert it with "
            "LabelMapToLabel",
            code="NOT_A_VOLUME",
        )


def _assumed(spacing_mm: Spacing | None) -> Placement:
    """The assumed placement of an array, with findings about what is unknown."""
    message = "the array has no orientation in the patient; left and right may be swapped"
    findings = [warning("ORIENTATION_UNKNOWN", message)]
    if spacing_mm is None:
        unknown = "no voxel size was given; 1 mm is assumed, so lengths are not true"
        findings.insert(0, warning("SPACING_UNKNOWN", unknown))
    return Placement(given_grid(spacing_mm), tuple(findings))


def _nibabel_voxels(image: Any) -> NDArray[Any]:
    shape = image.shape
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise InputError(
            f"the nibabel image holds an array of {shape}, expected one 3D volume",
            code="NOT_A_VOLUME",
        )
    try:
        voxels = np.asarray(image.dataobj)
    except (OSError, EOFError, zlib.error, ValueError) as reason:
        raise InputError(
            "the voxels of the nibabel image cannot be loaded from its file "
            f"({type(reason).__name__}): the file is gone or cut off; copy or download it again",
            code="UNREADABLE" if isinstance(reason, OSError) and reason.errno else "FILE_CUT",
        ) from None
    return voxels.reshape(shape[:3]).transpose(2, 1, 0)


def _nibabel_placement(image: Any) -> Placement:
    """The placement that the image would have in a file: an affine that was changed counts."""
    from nibabel.analyze import AnalyzeImage
    from nibabel.nifti1 import Nifti1Pair
    from nibabel.spatialimages import HeaderDataError

    if isinstance(image, Nifti1Pair):
        try:
            with np.errstate(invalid="ignore"):  # an affine that holds NaN
                saved = type(image)(image.dataobj, image.affine, image.header)
            return placement_of(saved.header)
        except HeaderDataError:
            raise GeometryError(
                "the affine of the nibabel image cannot be true: give one of perpendicular axes",
                code="NO_PLACEMENT",
            ) from None
    if isinstance(image, AnalyzeImage):
        raise InputError(
            "the nibabel image is of Analyze 7.5, which does not tell left from right: make it a "
            "Nifti1Image",
            code="ANALYZE",
        )
    if image.affine is None:
        raise GeometryError(
            "the nibabel image has no affine, expected one that places it in the patient: give one",
            code="NO_PLACEMENT",
        )
    return Placement(RAS_LPS @ image.affine)
