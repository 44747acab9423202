"""Read a folder of PNG slices that were exported through the bone window."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from afunet.errors import GeometryError, InputError
from afunet.findings import Finding, info, warning
from afunet.formats.dicom.files import looks_like_dicom
from afunet.formats.file_search import unreadable
from afunet.formats.labelling import Labelling
from afunet.formats.lengths import given_grid
from afunet.formats.png_masks import binary_mask, bone_value, bone_value_finding, mask_values
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume

KIND = "PNG stack"
# The window of the exports: grey 0 is this value or less, grey 255 this value or more.
BLACK_HU, WHITE_HU = -300.0, 1300.0
IMAGES, MASKS = "images", "masks"


def is_png_stack(paths: tuple[Path, ...]) -> bool:
    """Whether the paths are PNG files, or one folder of PNGs (or of its images) without DICOM."""
    return bool(png_files(paths, IMAGES) or png_files(paths, MASKS))


def png_files(paths: tuple[Path, ...], subfolder: str) -> tuple[Path, ...]:
    """The PNG files of the paths in natural order (2 before 10); may be empty.

    A folder without PNG files of its own stands for its `subfolder`.
    """
    if len(paths) == 1 and paths[0].is_dir():
        return _pngs_in(paths[0]) or _pngs_in(paths[0] / subfolder)
    pngs = tuple(path for path in paths if path.suffix.lower() == ".png")
    return tuple(sorted(pngs, key=_natural)) if len(pngs) == len(paths) else ()


def read_png_stack(request: Request) -> Scan:
    """Read 8-bit grey slices as HU = −300 + 1600 · grey / 255, float32.

    The slices are taken as axial, in the order of their names from the feet to the head, with the
    patient's left on the right and the patient's back at the bottom. `spacing_mm` gives the voxel
    size; without it, 1 mm is assumed. Raises `InputError` for other PNGs and `GeometryError` for
    mixed sizes.
    """
    files = png_files(request.paths, IMAGES)
    if not files:
        raise InputError(
            f"there are only {MASKS} and no {IMAGES} to read: give the folder of the images",
            code="NO_IMAGES",
        )
    grey = _stack(_greys(files), len(files), request)
    hu = grey.astype(np.float32) * np.float32((WHITE_HU - BLACK_HU) / 255) + np.float32(BLACK_HU)
    source = Source(KIND, len(files), spacing_known=request.spacing_mm is not None)
    return Scan(Volume(hu, given_grid(request.spacing_mm)), source, _findings(request))


def read_png_labels(request: Request) -> Labelling:
    """Read slices of 0 and one other value as 0 and 1, uint8; errors as in `read_png_stack`.

    Which value is bone is the same in all slices; see `formats.png_masks`.
    """
    files = png_files(request.paths, MASKS)
    if not files:
        raise InputError(
            f"there are only {IMAGES} and no {MASKS} to read: give the folder of the masks",
            code="NO_IMAGES",
        )
    values = _stack(map(mask_values, _images(files)), len(files), request)
    bone = bone_value(np.unique(values).tolist())
    volume = Volume(binary_mask(values, bone), given_grid(request.spacing_mm))
    return Labelling(volume, (*_findings(request), *bone_value_finding(bone)))


def _stack(planes: Iterable[NDArray[Any]], count: int, request: Request) -> NDArray[Any]:
    """Stack the planes into values (slice, row, column)."""
    slices: list[NDArray[Any]] = []
    for number, plane in enumerate(planes, start=1):
        request.watch.check()
        if plane.shape != (slices or [plane])[0].shape:
            raise GeometryError(
                f"the PNGs differ in size: slice {number} is {_size(plane)}, the first is "
                f"{_size(slices[0])}: export all slices of one series",
                code="SIZES_DIFFER",
            )
        slices.append(plane)
        request.watch.tell("reading slices", number, count)
    return np.stack(slices)


def _images(files: tuple[Path, ...]) -> Iterator[Image.Image]:
    for number, path in enumerate(files, start=1):
        try:
            with Image.open(path) as image:
                image.load()
        except PermissionError as reason:
            raise unreadable(path, reason) from None
        except (OSError, SyntaxError, ValueError):
            raise InputError(
                f"PNG slice {number} is broken: export it again", code="FILE_BROKEN"
            ) from None
        yield image


def _greys(files: tuple[Path, ...]) -> Iterator[NDArray[np.uint8]]:
    for number, image in enumerate(_images(files), start=1):
        if image.mode not in ("L", "1"):
            raise InputError(
                f"PNG slice {number} has colour mode {image.mode}, expected 8-bit grey (L) in the "
                f"bone window [{BLACK_HU:g}, {WHITE_HU:g}] HU; give 16-bit images as DICOM or "
                "NIfTI",
                code="NOT_GREY",
            )
        yield np.asarray(image).astype(np.uint8)


def _findings(request: Request) -> tuple[Finding, ...]:
    assumed = info("ORIENTATION_ASSUMED", "PNGs have no orientation: taken as axial, feet to head")
    if request.spacing_mm is not None:
        return (assumed,)
    unknown = warning(
        "SPACING_UNKNOWN",
        "PNGs have no voxel size and none was given; 1 mm is assumed, so lengths, areas and "
        "volumes from this scan are not true",
    )
    return (unknown, assumed)


def _pngs_in(folder: Path) -> tuple[Path, ...]:
    """The PNG files of a folder in natural order; none if there is DICOM beside them."""
    if not folder.is_dir():
        return ()
    try:
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as reason:
        raise unreadable(folder, reason) from None
    pngs = [path for path in files if path.suffix.lower() == ".png"]
    others = set(files) - set(pngs) if pngs else set()
    if any(looks_like_dicom(path) for path in others):
        return ()
    return tuple(sorted(pngs, key=_natural))


def _natural(path: Path) -> tuple[tuple[int, str], ...]:
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _size(grey: NDArray[Any]) -> str:
    return f"{grey.shape[1]} × {grey.shape[0]}"
