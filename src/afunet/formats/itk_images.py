"""Read and write NRRD and MetaImage with SimpleITK, whose frame is LPS like ours.

SimpleITK is imported where it is used: it is large, and most scans are DICOM or NIfTI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from afunet.errors import InputError, OutputError
from afunet.formats.file_kinds import (
    METAIMAGE,
    METAIMAGE_SUFFIXES,
    NRRD,
    NRRD_SUFFIXES,
    require_kind,
)
from afunet.formats.hu import rescaled, stacked
from afunet.formats.itk_placement import metaimage_placement, nrrd_placement, require_plain
from afunet.formats.labelling import Labelling
from afunet.formats.nifti_placement import Placement
from afunet.formats.request import Request
from afunet.formats.scan import Scan, Source
from afunet.geometry import Volume
from afunet.whole_file import whole_file

WRITTEN_SUFFIXES = (".nrrd", ".mha")  # those of a single file


@dataclass(frozen=True)
class ItkFormat:
    """A format that SimpleITK reads; `place` reads the header fields that it ignores."""

    kind: str
    suffixes: tuple[str, ...]
    place: Callable[[Path, Any], Placement]

    def is_it(self, paths: tuple[Path, ...]) -> bool:
        """Whether a path is a file of this format, by its suffix."""
        return any(path.is_file() and path.name.lower().endswith(self.suffixes) for path in paths)

    def read(self, request: Request) -> Scan:
        """Read one volume of HU; errors as in `read_itk_image` and `place`."""
        import SimpleITK

        request.watch.check()
        image = read_itk_image(request.path, self.kind)
        stored = SimpleITK.GetArrayViewFromImage(image)
        voxels = stacked((rescaled(plane) for plane in stored), stored.shape)
        request.watch.tell("reading slices", len(stored), len(stored))
        placement = self.place(request.path, image)
        source = Source(self.kind, 1, spacing_known=placement.spacing_known)
        return Scan(Volume(voxels, placement.affine), source, placement.findings)

    def read_labels(self, request: Request) -> Labelling:
        """Read one volume of labels as stored; errors as in `read`."""
        import SimpleITK

        image = read_itk_image(request.path, self.kind)
        placement = self.place(request.path, image)
        volume = Volume(SimpleITK.GetArrayFromImage(image), placement.affine)
        return Labelling(volume, placement.findings)


NRRD_FILES = ItkFormat(NRRD, NRRD_SUFFIXES, nrrd_placement)
METAIMAGE_FILES = ItkFormat(METAIMAGE, METAIMAGE_SUFFIXES, metaimage_placement)


def read_itk_image(path: Path, kind: str) -> Any:
    """Read a SimpleITK image with three axes and one number per voxel.

    Raises `InputError` for other images, and as `load_itk_image` does.
    """
    image = load_itk_image(path, kind)
    require_plain(image, path.name)
    return image


def load_itk_image(path: Path, kind: str) -> Any:
    """Read a SimpleITK image of any form.

    Raises `InputError` for a file of another kind and for a broken file, including a detached
    header without its data.
    """
    import SimpleITK

    require_kind(path, kind)
    try:
        return SimpleITK.ReadImage(str(path))
    except RuntimeError:  # SimpleITK's message fills several lines
        raise InputError(
            f"{path.name} is broken, or its data file is not beside it: copy or export it again",
            code="FILE_BROKEN",
        ) from None


def write_itk_image(
    volume: Volume, path: Path, description: str = "", fields: Mapping[str, str] | None = None
) -> None:
    """Write voxels and grid unchanged and compressed, as .nrrd or .mha by the path's suffix.

    bool becomes uint8. `description` and `fields` by name go into the header. Raises `OutputError`
    for another suffix and if the file cannot be written completely.
    """
    import SimpleITK

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
    told = {"Comment": description} if description else {}
    for name, text in {**told, **(fields or {})}.items():
        image.SetMetaData(name, " ".join(text.split()))
    with whole_file(path) as unfinished:
        try:
            SimpleITK.WriteImage(image, str(unfinished), useCompression=True)
        except RuntimeError:
            raise OutputError(f"cannot write {path}: is the disk full?") from None
