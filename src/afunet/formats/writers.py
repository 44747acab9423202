"""The table of output formats for masks and label volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afunet.formats.itk_images import write_itk_image
from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume


@dataclass(frozen=True)
class MaskWriter:
    """How a mask is written: `write(volume, path, description)`, to a name with this suffix.

    `write` raises `OutputError`; afterwards the file is complete or unchanged.
    """

    suffix: str
    write: Callable[[Volume, Path, str], None]


MASK_WRITERS: dict[str, MaskWriter] = {
    "nifti": MaskWriter(".nii.gz", write_nifti),
    "nrrd": MaskWriter(".nrrd", write_itk_image),
    "mha": MaskWriter(".mha", write_itk_image),
}
