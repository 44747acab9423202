"""Write bones as a DICOM Segmentation (PS3.3 A.51), and check it by reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from afunet.formats.dicom.algorithm import MANUFACTURER, Algorithm
from afunet.formats.dicom.copied_elements import FILED_BY, SHARED_UIDS
from afunet.formats.dicom.deidentify import deidentify
from afunet.formats.dicom.new_uids import new_uid
from afunet.formats.dicom.result import (
    ANATOMICAL_STRUCTURE,
    ResultPlanes,
    Segment,
    differs,
    identified,
    library_errors_refused,
)
from afunet.formats.dicom.segmentation_kind import SegmentationKind as SegmentationKind
from afunet.formats.dicom.source_images import file_beside, item, list_all, names, reference
from afunet.formats.dicom.spacing import POSITION_TOLERANCE_MM
from afunet.geometry import ImagePlane
from afunet.whole_file import whole_file

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
    identity: str = "",
) -> None:
    """Write segments on the planes of their source images, and check the file by reading it.

    Segments share their labels; with shares from 0 to 255 there is one segment. Frames without bone
    are left out; `deidentified` leaves the patient out too. The same `identity` gives the same UIDs
    again (`new_uid`). Raises `OutputError` if the file
    differs from the masks in a voxel or in position; then no file is left.
    """
    with library_errors_refused("DICOM Segmentation", "SEG_FAILED"):
        stand_ins = _stand_ins(placed)
        dataset = _segmentation(segments, stand_ins, placed, algorithm, kind, identity)
        _refer(dataset, stand_ins, placed)
        if deidentified:
            deidentify(dataset)
        with whole_file(path) as partial:
            dataset.save_as(partial)
            written = dcmread(partial)
            _require_as_meant(written, segments, placed, kind)
            if not deidentified:
                _require_references(written, placed)


def _segmentation(
    segments: Sequence[Segment],
    stand_ins: Sequence[Dataset],
    placed: ResultPlanes,
    algorithm: Algorithm,
    kind: SegmentationKind,
    identity: str,
) -> Segmentation:
    return Segmentation(
        source_images=stand_ins,
        pixel_array=_pixels(segments, kind),
        segmentation_type=kind.upper(),
        segment_descriptions=[_description(segment, placed, algorithm) for segment in segments],
        series_instance_uid=new_uid(identity, "SEG series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=new_uid(identity, "SEG"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=algorithm.name,
        software_versions=version("afunet"),
        device_serial_number=algorithm.weights_sha256[:16],
        content_label="BONES",
        content_description="Bones of the lower limb",
        series_description="Bone segmentation (research)",
        omit_empty_frames=True,
    )


def _stand_ins(placed: ResultPlanes) -> list[Dataset]:
    """Anonymous CT images, one for each plane, from which highdicom places its frames.

    highdicom may refuse odd values of patient and position in the real images. Their sound values
    are set afterwards.
    """
    measures, cosines = _measures(placed)[0], _cosines(placed.planes[0])
    shared = {keyword: generate_uid() for keyword in SHARED_UIDS}
    made = []
    for plane in placed.planes:
        image = item(
            **dict.fromkeys(FILED_BY, ""),
            **shared,
            SOPClassUID=CTImageStorage,
            SOPInstanceUID=generate_uid(),
            Modality="CT",
            Rows=plane.rows,
            Columns=plane.columns,
            ImageOrientationPatient=cosines,
            ImagePositionPatient=[
                DSfloat(float(value), auto_format=True) for value in plane.affine[:3, 3]
            ],
        )
        image.update(measures)
        made.append(image)
    return made


def _refer(dataset: Dataset, stand_ins: Sequence[Dataset], placed: ResultPlanes) -> None:
    """Set the patient, the study and the images that the stand-ins represent."""
    images = placed.images
    file_beside(images, dataset)
    series = images.of_series()
    dataset.SourceImageSequence = [reference(image) for of in series.values() for image in of]
    dataset.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=uid, ReferencedInstanceSequence=[reference(image) for image in of])
        for uid, of in series.items()
    ]
    plane_of = {image.SOPInstanceUID: at for at, image in enumerate(stand_ins)}
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (derivation,) = frame.DerivationImageSequence  # shared by frames of one plane
        (stand_in,) = derivation.SourceImageSequence
        at = placed.image_of[plane_of[stand_in.ReferencedSOPInstanceUID]]
        own = reference(images.images[at])
        own.PurposeOfReferenceCodeSequence = stand_in.PurposeOfReferenceCodeSequence
        own.SpatialLocationsPreserved = "YES" if placed.are_images else "NO"
        codes_of = derivation.DerivationCodeSequence
        frame.DerivationImageSequence = [
            item(DerivationCodeSequence=codes_of, SourceImageSequence=[own])
        ]


def _measures(placed: ResultPlanes) -> highdicom.PixelMeasuresSequence:
    """Pixel size, and the distance between slices along their normal if they are even."""
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


def _pixels(segments: Sequence[Segment], kind: SegmentationKind) -> NDArray[Any]:
    """The label map (frames, rows, columns), or shares from 0 to 1 (…, segments)."""
    if kind is SegmentationKind.FRACTIONAL:
        (segment,) = segments
        return _share(segment)[..., None]
    return segments[0].labels


def _share(segment: Segment) -> NDArray[np.float32]:
    if segment.shares is None:
        return segment.masks.astype(np.float32)
    return segment.shares.astype(np.float32) / np.float32(255)


def _description(
    segment: Segment, placed: ResultPlanes, algorithm: Algorithm
) -> SegmentDescription:
    identification = highdicom.AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.DCM.ArtificialIntelligence,
        version=algorithm.version,
        parameters={"weights SHA-256": algorithm.weights_sha256},
    )
    structure = segment.structure
    return SegmentDescription(
        segment_number=segment.number,
        segment_label=structure.name,
        segmented_property_category=ANATOMICAL_STRUCTURE,
        segmented_property_type=identified(structure),
        algorithm_type=algorithm.kind,
        algorithm_identification=identification,
        tracking_uid=placed.tracking_uid(structure),
        tracking_id=structure.name,
        display_color=CIELabColor.from_rgb(*structure.colour),
    )


def _require_as_meant(
    written: Dataset,
    segments: Sequence[Segment],
    placed: ResultPlanes,
    kind: SegmentationKind,
) -> None:
    """Raise `OutputError` unless every frame lies on its plane and holds its mask."""
    found = np.zeros_like(segments[0].labels)
    for frame, (position, number, pixels) in enumerate(_frames(written, kind)):
        at, off_mm = _nearest(placed, position)
        if off_mm > LARGEST_OFFSET_MM:
            raise _differs(f"frame {frame + 1} lies {off_mm:.3f} mm from its slice")
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


def _require_references(written: Dataset, placed: ResultPlanes) -> None:
    """Raise `OutputError` unless the file and every frame refer to the right images."""
    images = placed.images
    for frame in written.PerFrameFunctionalGroupsSequence:
        at, _ = _nearest(placed, frame.PlanePositionSequence[0].ImagePositionPatient)
        (named,) = frame.DerivationImageSequence[0].SourceImageSequence
        if not names(named, images.images[placed.image_of[at]]):
            raise _differs("a frame refers to an image other than its slice")
    if not list_all(written.ReferencedSeriesSequence, "ReferencedInstanceSequence", images):
        raise _differs("it does not list each image once")


def _nearest(placed: ResultPlanes, position_mm: Any) -> tuple[int, float]:
    """The index of the plane whose first pixel is nearest, and the distance in mm."""
    off_mm = np.linalg.norm(placed.origins_mm - np.array(position_mm, dtype=float), axis=1)
    return int(off_mm.argmin()), float(off_mm.min())


def _frames(
    written: Dataset, kind: SegmentationKind
) -> Iterator[tuple[Any, int | None, NDArray[np.uint8]]]:
    """Position, segment number (None in a label map) and pixels of every frame, from pydicom."""
    pixels = written.pixel_array
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    shared = written.SharedFunctionalGroupsSequence[0]
    for own, image in zip(written.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        place = own if "PlanePositionSequence" in own else shared
        number = None
        if kind is not SegmentationKind.LABELMAP:
            named = own if "SegmentIdentificationSequence" in own else shared
            number = int(named.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        yield place.PlanePositionSequence[0].ImagePositionPatient, number, image


_differs = partial(differs, "DICOM Segmentation", "SEG_DIFFERS")
