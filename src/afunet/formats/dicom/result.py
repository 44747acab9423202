"""The contents of a DICOM result: structures, segments and the planes they lie on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from afunet.errors import AfunetError, ConfigError, OutputError
from afunet.formats.dicom.source_images import with_sound_uids
from afunet.formats.scan import Scan, SourceImages
from afunet.geometry import ImagePlane, Volume, mask_on_planes, planes_of, shares_on_planes

# SNOMED CT (PS3.16 CID 7150 and 7151): what the mask shows.
ANATOMICAL_STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
BONE = Code("272673000", "SCT", "Bone")
LARGEST_LABEL = 255


LEFT, RIGHT = codes.SCT.Left, codes.SCT.Right  # CID 244


@dataclass(frozen=True)
class Structure:
    """What a segment shows: its name, its code, its side of the patient and its colour.

    `colour` is the red, green and blue (0–255) in which viewers show it.
    """

    name: str
    code: Code = BONE
    laterality: Code | None = None
    colour: tuple[int, int, int] = (172, 21, 211)


@dataclass(frozen=True, eq=False)
class Segment:
    """One structure on the original slices: where `labels` (slices, rows, columns) is `number`.

    Segments of one result share their `labels`. `shares` (0…255) replaces the mask if a probability
    is to be stored.
    """

    structure: Structure
    labels: NDArray[np.uint8]
    number: int = 1
    shares: NDArray[np.uint8] | None = None

    @property
    def name(self) -> str:
        """The name of the structure."""
        return self.structure.name

    @property
    def masks(self) -> NDArray[np.uint8]:
        """The 0/1 mask on all slices, (slices, rows, columns)."""
        return np.asarray(self.labels == self.number, dtype=np.uint8)

    def mask(self, index: int) -> NDArray[np.uint8]:
        """The 0/1 mask on the slice with this index, (rows, columns)."""
        return np.asarray(self.labels[index] == self.number, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class ResultPlanes:
    """The planes of a result, and the images that it refers to.

    `are_images` says that there is one plane for each image, in the same order. If the images
    differ in size or pixel spacing, which one result cannot hold, the planes are those of the
    volume. `image_of` is the index of each plane's image, or of the nearest image. `slice_mm` is
    the distance between the volume's slices.
    """

    planes: tuple[ImagePlane, ...]
    images: SourceImages
    slice_mm: float
    are_images: bool
    resampled: bool
    image_of: tuple[int, ...]

    def segment(self, name: str, mask: Volume, probability: Volume | None = None) -> Segment:
        """Turn a mask of bone on the scan's grid into a segment on these planes.

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
        """Turn labels 1, 2, …, at most 255, on the scan's grid into segments on these planes."""
        if len(structures) > LARGEST_LABEL:
            raise OutputError(
                f"a DICOM result holds at most {LARGEST_LABEL} structures, got {len(structures)}"
            )
        numbers = range(1, len(structures) + 1)
        if not self.resampled:
            placed = labels.voxels.astype(np.uint8)
        else:
            first = self.planes[0]
            placed = np.zeros((len(self.planes), first.rows, first.columns), dtype=np.uint8)
            for number in reversed(numbers):  # if two reach a half, the lower number stays
                mask = labels.with_voxels(labels.voxels == number)
                for plane, inside in zip(placed, mask_on_planes(mask, self.planes), strict=True):
                    plane[inside != 0] = number
        return [
            Segment(structure, placed, number)
            for number, structure in zip(numbers, structures, strict=True)
        ]

    def tracking_uid(self, structure: Structure) -> str:
        """A UID that is always the same for the same structure of the same images."""
        first = self.images.images[0]
        where = [first.series, first.sop_instance, str(first.frame)]
        return str(generate_uid(entropy_srcs=[*where, structure.name]))

    @property
    def origins_mm(self) -> NDArray[np.float64]:
        """The centres of the planes' first pixels in LPS, (N, 3)."""
        return np.array([plane.affine[:3, 3] for plane in self.planes])


def result_planes(scan: Scan, *, deidentified: bool = False) -> ResultPlanes:
    """Return the planes for results of a scan.

    Raises `ConfigError` for a scan that was not read from DICOM, and `OutputError` if an archive
    could not find the images that a result refers to. `deidentified` results have new UIDs, so the
    form of the old ones does not matter.
    """
    if scan.images is None:
        raise ConfigError(
            f"DICOM results need a scan read from DICOM, but this one is {scan.source.kind}: "
            "choose other formats",
            code="NOT_FROM_DICOM",
        )
    images = scan.images
    if refusal := images.unsound_renewed if deidentified else images.unsound:
        raise OutputError(refusal.message, code=refusal.code)
    if deidentified:
        images = with_sound_uids(images)
    slice_mm = float(scan.volume.spacing_mm[2])
    kinds = {
        (plane.rows, plane.columns, *np.round(plane.pixel_mm, 4).tolist()) for plane in scan.planes
    }
    if len(kinds) == 1:
        own = tuple(range(len(scan.planes)))
        return ResultPlanes(scan.planes, images, slice_mm, True, scan.resampled, own)
    planes = planes_of(scan.volume)
    return ResultPlanes(planes, images, slice_mm, False, False, _nearest(planes, scan.planes))


def _nearest(planes: Sequence[ImagePlane], others: Sequence[ImagePlane]) -> tuple[int, ...]:
    """The index of the nearest of the others along the normal, for each plane."""
    across = planes[0].affine[:3, 2] / np.linalg.norm(planes[0].affine[:3, 2])
    heights, other_heights = (
        np.array([plane.affine[:3, 3] @ across for plane in some]) for some in (planes, others)
    )
    return tuple(np.abs(heights[:, None] - other_heights[None]).argmin(axis=1).tolist())


def differs(kind: str, code: str, what: str) -> OutputError:
    """The error for a result that differs from the mask when it is read back."""
    return OutputError(
        f"the {kind} differs from the mask when read back: {what}; it was not kept, please report "
        "this",
        code=code,
    )


def identified(structure: Structure) -> CodedConcept:
    """The code of a structure, with its side as a modifier of the type (PS3.3 C.8.20.4)."""
    kind = CodedConcept.from_code(structure.code)
    if structure.laterality is not None:
        side = CodedConcept.from_code(structure.laterality)
        kind.SegmentedPropertyTypeModifierCodeSequence = [side]
    return kind


@contextmanager
def library_errors_refused(what: str, code: str) -> Iterator[None]:
    """Turn a library's errors while writing into one line, and suppress its warnings.

    Its own messages may hold header values, so they are not passed on.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (AfunetError, OSError, MemoryError):
        raise
    except Exception as reason:
        raise OutputError(
            f"the {what} could not be written ({type(reason).__name__}): choose another format and "
            "please report this",
            code=code,
        ) from None
