"""NRRD and MetaImage files by SimpleITK, whose frame is LPS as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from afunet.errors import InputError, OutputError
from afunet.formats.findings import Finding, warning
from afunet.formats.hu import rescaled, stacked
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.formats.whole_file import whole_file
from afunet.geometry import Volume

NRRD_SUFFIXES = (".nrrd", ".nhdr")
METAIMAGE_SUFFIXES = (".mha", ".mhd")
WRITTEN_SUFFIXES = (".nrrd", ".mha")  # those of a single file


def read_nrrd(request: Request) -> Scan:
    """Read one NRRD volume of HU; errors as in `read_itk_image`."""
    scan, image = _scan(request, "NRRD")
    findings: tuple[Finding, ...] = ()
    if not image.HasMetaDataKey("NRRD_space"):
        message = "the NRRD file names no space; it is taken as lying in LPS"
        findings = (warning("ORIENTATION_UNKNOWN", message),)
    return Scan(scan.volume, scan.source, findings)


def read_metaimage(request: Request) -> Scan:
    """Read one MetaImage volume of HU; errors as in `read_itk_image`."""
    return _scan(request, "MetaImage")[0]


def read_itk_labels(request: Request) -> Volume:
    """Read one volume of labels as stored; errors as in `read_itk_image`."""
    image = read_itk_image(request.path)
    return Volume(SimpleITK.GetArrayFromImage(image), _affine(image))


def read_itk_image(path: Path) -> Any:
    """A SimpleITK image of three axes with one number a voxel.

    Raises `InputError` for a broken file (a detached header without its data too) and for
    other images.
    """
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError:  # SimpleITK's message fills several lines
        raise InputError(
            f"{path.name} is broken, or its data file is not beside it: copy or export it again"
        ) from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path.name} holds {image.GetDimension()} axes and "
            f"{image.GetNumberOfComponentsPerPixel()} numbers a voxel, expected 3 and 1"
        )
    return image


def write_itk_image(volume: Volume, path: Path, description: str = "") -> None:
    """Write voxels and grid as they are, compressed, as .nrrd or .mha by the path's end.

    bool becomes uint8. `description` becomes a header field. Raises `OutputError` for
    another name and where the file cannot be written whole.
    """
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise OutputError(f"cannot write {path.name} as NRRD or MetaImage: name it .nrrd or .mha")
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


def _scan(request: Request, kind: str) -> tuple[Scan, Any]:
    request.cancel.check()
    image = read_itk_image(request.path)
    stored = SimpleITK.GetArrayViewFromImage(image)
    volume = Volume(_hu(stored, request), _affine(image))
    return Scan(volume, Source(kind, 1)), image


def _hu(stored: NDArray[Any], request: Request) -> NDArray[np.int16] | NDArray[np.float32]:
    voxels = stacked((rescaled(plane) for plane in stored), stored.shape)
    request.progress("reading slices", len(stored), len(stored))
    return voxels


def _affine(image: Any) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine
