"""What a result that goes back into the archive is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from afunet.errors import ConfigError
from afunet.formats.dicom.source_images import SourceImages
from afunet.formats.scan import Scan
from afunet.geometry import ImagePlane, Volume, mask_on_planes, planes_of, shares_on_planes

# SNOMED CT (PS3.16 CID 7150 and 7151): what the mask shows.
ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
BONE = Code("272673000", "SCT", "Bone")


@dataclass(frozen=True)
class Algorithm:
    """What found the bones: name, version, and the SHA-256 of its weights."""

    name: str
    version: str
    weights_sha256: str


@dataclass(frozen=True, eq=False)
class Segment:
    """One structure on the original slices: 0/1 `masks` (slices, rows, columns), its name and code.

    `shares` are 0…255 in its place where a probability is to be stored.
    """

    name: str
    masks: NDArray[np.uint8]
    code: Code = BONE
    shares: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class ResultPlanes:
    """The planes that results lie on, and the images that they were found in.

    `are_images` tells whether there is one plane an image, in the same order. Where the images
    differ in size or pixel spacing, which one result cannot hold, the planes are the volume's.
    `slice_mm` is the distance of the volume's slices.
    """

    planes: tuple[ImagePlane, ...]
    images: SourceImages
    slice_mm: float
    are_images: bool
    resampled: bool

    def segment(
        self, name: str, mask: Volume, code: Code = BONE, probability: Volume | None = None
    ) -> Segment:
        """A mask on the scan's grid as a segment on these planes.

        `probability` holds 0…255 on the same grid.
        """
        if not self.resampled:
            shares = None if probability is None else probability.voxels
            return Segment(name, (mask.voxels != 0).astype(np.uint8), code, shares)
        shares = None
        if probability is not None:
            parts = shares_on_planes(probability, self.planes)
            shares = np.stack([np.rint(part).astype(np.uint8) for part in parts])
        return Segment(name, np.stack(list(mask_on_planes(mask, self.planes))), code, shares)


def result_planes(scan: Scan) -> ResultPlanes:
    """Where results of a scan go; `ConfigError` for a scan that was no DICOM."""
    if scan.images is None:
        raise ConfigError(
            f"DICOM results need a scan read from DICOM, this one is {scan.source.kind}: choose "
            "other formats",
            code="NOT_FROM_DICOM",
        )
    slice_mm = scan.volume.spacing_mm[2]
    kinds = {
        (plane.rows, plane.columns, *np.round(plane.pixel_mm, 4).tolist()) for plane in scan.planes
    }
    if len(kinds) > 1:
        return ResultPlanes(planes_of(scan.volume), scan.images, slice_mm, False, False)
    return ResultPlanes(scan.planes, scan.images, slice_mm, True, scan.resampled)
