"""NRRD and MetaImage files by SimpleITK, whose frame is LPS as ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from afunet.errors import InputError, OutputError
from afunet.findings import Finding
from afunet.formats.file_kinds import METAIMAGE, NRRD, require_kind
from afunet.formats.hu import rescaled, stacked
from afunet.formats.itk_placement import metaimage_placement, nrrd_placement
from afunet.formats.labelling import Labelling
from afunet.formats.nifti_placement import Placement
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume
from afunet.whole_file import whole_file

NRRD_SUFFIXES = (".nrrd", ".nhdr")
METAIMAGE_SUFFIXES = (".mha", ".mhd")
WRITTEN_SUFFIXES = (".nrrd", ".mha")  # those of a single file
Place = Callable[[Path, Any], Placement]


def read_nrrd(request: Request) -> Scan:
    """Read one NRRD volume of HU; errors as in `read_itk_image` and `nrrd_placement`."""
    return _scan(request, NRRD, nrrd_placement)


def read_metaimage(request: Request) -> Scan:
    """Read one MetaImage volume of HU; errors as in `read_itk_image`."""
    return _scan(request, METAIMAGE, metaimage_placement)


def read_nrrd_labels(request: Request) -> Labelling:
    """Read one NRRD volume of labels as stored; errors as in `read_nrrd`."""
    return _labels(request, NRRD, nrrd_placement)


def read_metaimage_labels(request: Request) -> Labelling:
    """Read one MetaImage volume of labels as stored; errors as in `read_metaimage`."""
    return _labels(request, METAIMAGE, metaimage_placement)


def read_itk_image(path: Path, kind: str) -> Any:
    """A SimpleITK image of three axes with one number a voxel.

    Raises `InputError` for a file of another kind, a broken one (a detached header without its
    data too) and for other images.
    """
    require_kind(path, kind)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError:  # SimpleITK's message fills several lines
        raise InputError(
            f"{path.name} is broken, or its data file is not beside it: copy or export it again",
            code="FILE_BROKEN",
        ) from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path.name} holds {image.GetDimension()} axes and "
            f"{image.GetNumberOfComponentsPerPixel()} numbers a voxel, expected 3 and 1",
            code="NOT_A_VOLUME",
        )
    return image


def write_itk_image(volume: Volume, path: Path, description: str = "") -> None:
    """Write voxels and grid as they are, compressed, as .nrrd or .mha by the path's end.

    bool becomes uint8. `description` becomes a header field. Raises `OutputError` for
    another name and where the file cannot be written whole.
    """
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise OutputError(
            f"cannot write {path.name} as NRRD or MetaImage: name it .nrrd or .mha",
            code="UNKNOWN_FORMAT",
        )
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetOrigin(volume.origin_mm.tolist())
    image.SetDirection(volume.directions.ravel().tolist())
    if description:
        image.SetMetaData("Comment", " ".join(description.split()))
    with whole_file(path) as unfinished:
        try:
            SimpleITK.WriteImage(image, str(unfinished), useCompression=True)
        except RuntimeError:
            raise OutputError(f"cannot write {path}: is there space on the disk?") from None


def _scan(request: Request, kind: str, place: Place) -> Scan:
    request.watch.check()
    image = read_itk_image(request.path, kind)
    stored = SimpleITK.GetArrayViewFromImage(image)
    volume, findings = _placed(_hu(stored, request), place(request.path, image))
    known = all(finding.code != "SPACING_UNKNOWN" for finding in findings)
    return Scan(volume, Source(kind, 1, spacing_known=known), findings)


def _labels(request: Request, kind: str, place: Place) -> Labelling:
    image = read_itk_image(request.path, kind)
    voxels = SimpleITK.GetArrayFromImage(image)
    return Labelling(*_placed(voxels, place(request.path, image)))


def _placed(voxels: NDArray[Any], placement: Placement) -> tuple[Volume, tuple[Finding, ...]]:
    volume = Volume(voxels, placement.affine)
    return volume, placement.findings


def _hu(stored: NDArray[Any], request: Request) -> NDArray[np.int16] | NDArray[np.float32]:
    voxels = stacked((rescaled(plane) for plane in stored), stored.shape)
    request.watch.tell("reading slices", len(stored), len(stored))
    return voxels
