"""Read images from memory: volumes, NumPy arrays, nibabel and SimpleITK images."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK
from nibabel.nifti1 import Nifti1Pair
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from afunet.errors import ConfigError, InputError
from afunet.findings import warning
from afunet.formats.hu import rescaled, stacked
from afunet.formats.itk_placement import affine_of, require_plain
from afunet.formats.labelling import Labelling
from afunet.formats.lengths import Spacing, given_grid
from afunet.formats.nifti_placement import RAS_LPS, Placement, placement_of
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume

IMAGES: dict[type, str] = {
    Volume: "volume",
    np.ndarray: "NumPy array",
    SpatialImage: "nibabel image",
    SimpleITK.Image: "SimpleITK image",
}


def is_image(source: object) -> bool:
    """Whether this is an image in memory, not a path."""
    return isinstance(source, tuple(IMAGES))


def scan_in_memory(image: Any, spacing_mm: Spacing | None = None) -> Scan:
    """Read an image in HU as a scan on its own grid, whatever the order and signs of its axes.

    An array is (slice, row, column), axial from the feet to the head; `spacing_mm` is its voxel
    size along (column, row, slice), 1 mm if not given. The patient's left and right are unknown for
    an array; a `Volume` has an orientation. Raises `InputError` unless each voxel is one number,
    `GeometryError` unless there are three axes, and `ConfigError` for an impossible spacing or for
    a spacing beside an image that has its own.
    """
    hu, placement = _placed(image, spacing_mm)
    if hu.dtype != np.int16:
        hu = stacked((rescaled(plane) for plane in hu), hu.shape)
    kind = next(name for known, name in IMAGES.items() if isinstance(image, known))
    source = Source(kind, 0, spacing_known=placement.spacing_known)
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
        raise ConfigError("a spacing can be given for arrays only: this image has its own")
    elif isinstance(image, Volume):
        voxels, placement = image.voxels, Placement(image.affine)
    elif isinstance(image, SpatialImage):
        is_nifti = isinstance(image, Nifti1Pair)
        place = placement_of(image.header) if is_nifti else Placement(RAS_LPS @ image.affine)
        voxels, placement = _nibabel_voxels(image), place
    else:
        require_plain(image, "the SimpleITK image")
        voxels, placement = SimpleITK.GetArrayFromImage(image), Placement(affine_of(image))
    if voxels.dtype.kind not in "biuf":
        raise InputError(
            f"voxels are of type {voxels.dtype}, expected one number each", code="NOT_A_VOLUME"
        )
    return voxels.astype(np.uint8) if voxels.dtype.kind == "b" else voxels, placement


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
    return np.asarray(image.dataobj).reshape(shape[:3]).transpose(2, 1, 0)
