"""What a result that goes back into the archive is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from afunet.errors import ConfigError, OutputError
from afunet.formats.dicom.source_images import SourceImages
from afunet.formats.scan import Scan
from afunet.geometry import ImagePlane, Volume, mask_on_planes, planes_of, shares_on_planes

# SNOMED CT (PS3.16 CID 7150 and 7151): what the mask shows.
ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
BONE = Code("272673000", "SCT", "Bone")
LARGEST_LABEL = 255


@dataclass(frozen=True)
class Algorithm:
    """What found the bones: name, version, and the SHA-256 of its weights."""

    name: str
    version: str
    weights_sha256: str


LEFT, RIGHT = codes.SCT.Left, codes.SCT.Right  # CID 244


@dataclass(frozen=True)
class Structure:
    """What a segment shows: its name, its code, and which side of the patient it is on."""

    name: str
    code: Code = BONE
    laterality: Code | None = None


@dataclass(frozen=True, eq=False)
class Segment:
    """One structure on the original slices: where `labels` (slices, rows, columns) are `number`.

    Segments of one result share their labels. `shares` are 0…255 in the place of the mask where a
    probability is to be stored.
    """

    structure: Structure
    labels: NDArray[np.uint8]
    number: int = 1
    shares: NDArray[np.uint8] | None = None

    @property
    def name(self) -> str:
        """The structure's."""
        return self.structure.name

    @property
    def masks(self) -> NDArray[np.uint8]:
        """0/1 on all slices, (slices, rows, columns)."""
        return np.asarray(self.labels == self.number, dtype=np.uint8)

    def mask(self, index: int) -> NDArray[np.uint8]:
        """0/1 on the slice with this index, (rows, columns)."""
        return np.asarray(self.labels[index] == self.number, dtype=np.uint8)


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

    def segment(self, name: str, mask: Volume, probability: Volume | None = None) -> Segment:
        """A mask of bone on the scan's grid as a segment on these planes.

        `probability` holds 0…255 on the same grid.
        """
        (segment,) = self.segments([Structure(name)], mask.with_voxels(mask.voxels != 0))
        if probability is None:
            return segment
        if not self.resampled:
            return replace(segment, shares=probability.voxels)
        parts = shares_on_planes(probability, self.planes)
        return replace(segment, shares=np.stack([np.rint(part).astype(np.uint8) for part in parts]))

    def segments(self, structures: Sequence[Structure], labels: Volume) -> list[Segment]:
        """Labels 1, 2, … on the scan's grid as segments on these planes, 255 of them at most."""
        if len(structures) > LARGEST_LABEL:
            raise OutputError(
                f"a DICOM result holds {LARGEST_LABEL} structures, there are {len(structures)}"
            )
        numbers = range(1, len(structures) + 1)
        if not self.resampled:
            placed = labels.voxels.astype(np.uint8)
        else:
            placed = np.zeros((len(self.planes), *self._size), dtype=np.uint8)
            for number in reversed(numbers):  # where two reach a half, the larger one stays
                mask = labels.with_voxels(labels.voxels == number)
                for plane, inside in zip(placed, mask_on_planes(mask, self.planes), strict=True):
                    plane[inside != 0] = number
        return [
            Segment(structure, placed, number)
            for number, structure in zip(numbers, structures, strict=True)
        ]

    @property
    def _size(self) -> tuple[int, int]:
        return self.planes[0].rows, self.planes[0].columns


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
