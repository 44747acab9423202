"""Bones as a DICOM Segmentation (PS3.3 A.51), checked by reading it again."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from afunet.errors import OutputError
from afunet.formats.dicom.deidentify import deidentify
from afunet.formats.dicom.result import (
    ANATOMICAL_STRUCTURE,
    Algorithm,
    ResultPlanes,
    Segment,
)
from afunet.formats.dicom.segmentation_kind import SegmentationKind as SegmentationKind
from afunet.formats.dicom.spacing import POSITION_TOLERANCE_MM
from afunet.formats.whole_file import whole_file
from afunet.geometry import ImagePlane

MANUFACTURER = "afunet"
SERIES_NUMBER = 9100
LARGEST_OFFSET_MM = 0.01


def write_segmentation(
    segments: Sequence[Segment],
    placed: ResultPlanes,
    algorithm: Algorithm,
    path: Path,
    kind: SegmentationKind = SegmentationKind.BINARY,
    *,
    deidentified: bool = False,
) -> None:
    """Write segments on the planes of their source images, and read the file again.

    Segments share their labels; of shares from 0 to 255 there is one segment.
    Frames without bone are left out; `deidentified` leaves the patient out too. Raises
    `OutputError` where what was written is not what was meant, voxel by voxel and in
    millimetres; then nothing is left.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom's name the patient
        dataset = _segmentation(segments, placed, algorithm, kind)
    if deidentified:
        deidentify(dataset)
    with whole_file(path) as partial:
        dataset.save_as(partial)
        _require_as_meant(dcmread(partial), segments, placed, kind)


def _segmentation(
    segments: Sequence[Segment],
    placed: ResultPlanes,
    algorithm: Algorithm,
    kind: SegmentationKind,
) -> Segmentation:
    place: dict[str, Any] = {} if placed.are_images else _own_place(placed)
    return Segmentation(
        source_images=_sources(placed),
        pixel_array=_pixels(segments, placed, kind),
        segmentation_type=kind.upper(),
        segment_descriptions=[_description(segment, algorithm) for segment in segments],
        series_instance_uid=generate_uid(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=algorithm.name,
        software_versions=version("afunet"),
        device_serial_number=algorithm.weights_sha256[:16],
        content_label="BONES",
        content_description="Bones of the lower limb",
        series_description="Bone segmentation (research)",
        omit_empty_frames=True,
        **place,
    )


def _sources(placed: ResultPlanes) -> Sequence[Dataset]:
    """The images to refer to: all, or those of the most common size, as one result allows."""
    images = placed.images.datasets
    sizes = [(image.Rows, image.Columns) for image in images]
    usual = Counter(sizes).most_common(1)[0][0]
    # Copies, since highdicom shares their elements with what it makes, which may be altered.
    chosen = [deepcopy(image) for image, size in zip(images, sizes, strict=True) if size == usual]
    measures = _measures(placed)[0]
    for image in chosen:
        _state_spacing(image, measures)
    return chosen


def _state_spacing(image: Dataset, measures: Dataset) -> None:
    """Correct a copy of a source: highdicom takes over a spacing that positions contradict."""
    shared = image.get("SharedFunctionalGroupsSequence")
    stating = shared[0].get("PixelMeasuresSequence", [image])[0] if shared else image
    stating.SliceThickness = measures.SliceThickness
    stating.pop("SpacingBetweenSlices", None)
    if "SpacingBetweenSlices" in measures:
        stating.SpacingBetweenSlices = measures.SpacingBetweenSlices


def _own_place(placed: ResultPlanes) -> dict[str, Any]:
    """Position, orientation and pixel size where they are not those of the images."""
    return {
        "plane_positions": [
            highdicom.PlanePositionSequence("PATIENT", plane.affine[:3, 3].tolist())
            for plane in placed.planes
        ],
        "plane_orientation": highdicom.PlaneOrientationSequence(
            "PATIENT", _cosines(placed.planes[0])
        ),
        "pixel_measures": _measures(placed),
    }


def _measures(placed: ResultPlanes) -> highdicom.PixelMeasuresSequence:
    """Pixel size, and the distance of slices along their normal where they have one."""
    planes = placed.planes
    column_mm, row_mm = planes[0].pixel_mm
    normal = np.cross(*planes[0].affine[:3, :2].T)
    heights_mm = [float(plane.affine[:3, 3] @ normal / np.linalg.norm(normal)) for plane in planes]
    even_mm = np.linspace(heights_mm[0], heights_mm[-1], len(planes))
    is_even = bool(np.abs(heights_mm - even_mm).max() <= POSITION_TOLERANCE_MM)
    step_mm = placed.slice_mm
    if len(planes) > 1:
        step_mm = float(np.median(np.abs(np.diff(even_mm if is_even else heights_mm))))
    return highdicom.PixelMeasuresSequence(
        pixel_spacing=(row_mm, column_mm),
        slice_thickness=step_mm,
        spacing_between_slices=step_mm if is_even else None,
    )


def _cosines(plane: ImagePlane) -> list[float]:
    directions = plane.affine[:3, :2] / np.linalg.norm(plane.affine[:3, :2], axis=0)
    return [*directions[:, 0].tolist(), *directions[:, 1].tolist()]


def _pixels(
    segments: Sequence[Segment], placed: ResultPlanes, kind: SegmentationKind
) -> NDArray[Any]:
    """(frames, rows, columns) label map, or (…, segments) shares from 0 to 1."""
    if kind is SegmentationKind.FRACTIONAL:
        (segment,) = segments
        return _in_frame_order(_share(segment)[..., None], placed)
    return _in_frame_order(segments[0].labels, placed)


def _share(segment: Segment) -> NDArray[np.float32]:
    if segment.shares is None:
        return segment.masks.astype(np.float32)
    return segment.shares.astype(np.float32) / np.float32(255)


def _in_frame_order(slices: NDArray[Any], placed: ResultPlanes) -> NDArray[Any]:
    """Slices in the order of a multi-frame source's frames; as they are for single images."""
    if not (placed.are_images and placed.images.frames):
        return slices
    frames = int(placed.images.datasets[0].NumberOfFrames)
    ordered = np.zeros((frames, *slices.shape[1:]), dtype=slices.dtype)
    ordered[list(placed.images.frames)] = slices
    return ordered


def _description(segment: Segment, algorithm: Algorithm) -> SegmentDescription:
    identification = highdicom.AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.DCM.ArtificialIntelligence,
        version=algorithm.version,
        parameters={"weights SHA-256": algorithm.weights_sha256},
    )
    structure = segment.structure
    description = SegmentDescription(
        segment_number=segment.number,
        segment_label=structure.name,
        segmented_property_category=ANATOMICAL_STRUCTURE,
        segmented_property_type=structure.code,
        algorithm_type="AUTOMATIC",
        algorithm_identification=identification,
    )
    if structure.laterality is not None:  # PS3.3 C.8.20.4: a modifier of the type
        (kind,) = description.SegmentedPropertyTypeCodeSequence
        side = highdicom.sr.CodedConcept.from_code(structure.laterality)
        kind.SegmentedPropertyTypeModifierCodeSequence = [side]
    return description


def _require_as_meant(
    written: Dataset,
    segments: Sequence[Segment],
    placed: ResultPlanes,
    kind: SegmentationKind,
) -> None:
    """Raise `OutputError` unless every frame lies on its plane and holds its mask."""
    found = np.zeros_like(segments[0].labels)
    origins = np.array([plane.affine[:3, 3] for plane in placed.planes])
    for frame, (position, number, pixels) in enumerate(_frames(written, kind)):
        offsets = np.linalg.norm(origins - position, axis=1)
        at = int(offsets.argmin())
        if offsets[at] > LARGEST_OFFSET_MM:
            raise _differs(f"frame {frame + 1} lies {offsets[at]:.3f} mm from its slice")
        if number is None or kind is SegmentationKind.FRACTIONAL:
            found[at] = pixels
        else:
            found[at][pixels != 0] = number
    meant = segments[0].labels
    if kind is SegmentationKind.FRACTIONAL:
        meant = np.rint(_share(segments[0]) * 255).astype(np.uint8)
    off = int((found != meant).sum())
    if off:
        raise _differs(f"{off} voxels differ")


def _frames(
    written: Dataset, kind: SegmentationKind
) -> list[tuple[NDArray[np.float64], int | None, NDArray[np.uint8]]]:
    """Position, segment number (None in a label map) and pixels of every frame, by pydicom."""
    pixels = written.pixel_array
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    shared = written.SharedFunctionalGroupsSequence[0]
    frames = []
    for item, image in zip(written.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        place = item if "PlanePositionSequence" in item else shared
        position = np.array(place.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
        number = None
        if kind is not SegmentationKind.LABELMAP:
            named = item if "SegmentIdentificationSequence" in item else shared
            number = int(named.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        frames.append((position, number, image))
    return frames


def _differs(what: str) -> OutputError:
    return OutputError(
        f"the DICOM Segmentation, read again, is not the mask: {what}; it was not kept, "
        "please report this",
        code="SEG_DIFFERS",
    )
