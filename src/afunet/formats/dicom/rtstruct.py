"""Write bones as an RT Structure Set (PS3.3 A.19) with their holes, and check it by reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from highdicom.color import CIELabColor
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.contours import filled, outlines
from afunet.formats.dicom.deidentify import deidentify
from afunet.formats.dicom.new_uids import new_uid
from afunet.formats.dicom.result import (
    ANATOMICAL_STRUCTURE,
    ResultPlanes,
    Segment,
    Structure,
    differs,
    identified,
    library_errors_refused,
)
from afunet.formats.dicom.source_images import file_beside, item, list_all, names, reference
from afunet.whole_file import whole_file

SERIES_NUMBER = 9200
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"  # PS3.6 annex A, retired but what readers expect
# DS holds 16 characters (PS3.5 section 6.2), enough for a thousandth of a millimetre anywhere.
DECIMALS = 3
OFF_PLANE_MM = 0.01


def write_rtstruct(
    segments: Sequence[Segment],
    placed: ResultPlanes,
    algorithm: Algorithm,
    path: Path,
    *,
    deidentified: bool = False,
    identity: str = "",
) -> None:
    """Write the outlines of segments on their planes, and check the file by reading it.

    `deidentified` leaves the patient out. The same `identity` gives the same UIDs again
    (`new_uid`). Raises `OutputError` if the file differs from the masks
    in a pixel or in position; then no file is left.
    """
    with library_errors_refused("RT Structure Set", "RTSTRUCT_FAILED"):
        dataset = _structure_set(placed, algorithm, identity)
        _add_structures(dataset, segments, placed, algorithm)
        if deidentified:
            deidentify(dataset)
        with whole_file(path) as partial:
            dataset.save_as(partial, enforce_file_format=True)
            written = dcmread(partial)
            _require_as_meant(written, segments, placed)
            if not deidentified:
                _require_references(written, placed)


def _structure_set(placed: ResultPlanes, algorithm: Algorithm, identity: str) -> FileDataset:
    """Everything except the structures: the patient, the program, the referenced images."""
    now = datetime.now()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file_beside(placed.images, dataset)
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = new_uid(identity, "RTSTRUCT")
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = new_uid(identity, "RTSTRUCT series")
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = "Bone outlines (research)"
    dataset.OperatorsName = ""
    dataset.Manufacturer = "afunet"
    dataset.ManufacturerModelName = algorithm.name
    dataset.SoftwareVersions = version("afunet")
    dataset.DeviceSerialNumber = algorithm.weights_sha256[:16]
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "BONES"
    dataset.StructureSetName = "Bones of the lower limb"
    for keyword in ("StructureSetDate", "InstanceCreationDate", "SeriesDate"):
        setattr(dataset, keyword, now.strftime("%Y%m%d"))
    for keyword in ("StructureSetTime", "InstanceCreationTime", "SeriesTime"):
        setattr(dataset, keyword, now.strftime("%H%M%S"))
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(placed)]
    return dataset


def _frame_of_reference(placed: ResultPlanes) -> Dataset:
    series = [
        item(SeriesInstanceUID=uid, ContourImageSequence=[reference(image) for image in images])
        for uid, images in placed.images.of_series().items()
    ]
    study = item(
        ReferencedSOPClassUID=DETACHED_STUDY,
        ReferencedSOPInstanceUID=placed.images.study,
        RTReferencedSeriesSequence=series,
    )
    return item(
        FrameOfReferenceUID=placed.images.frame_of_reference, RTReferencedStudySequence=[study]
    )


def _add_structures(
    dataset: Dataset, segments: Sequence[Segment], placed: ResultPlanes, algorithm: Algorithm
) -> None:
    numbered = list(enumerate(segments, 1))
    dataset.StructureSetROISequence = [
        item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=placed.images.frame_of_reference,
            ROIName=segment.name,
            ROIGenerationAlgorithm=algorithm.kind,
        )
        for number, segment in numbered
    ]
    dataset.ROIContourSequence = [
        item(
            ROIDisplayColor=list(segment.structure.colour),
            RecommendedDisplayCIELabValue=list(
                CIELabColor.from_rgb(*segment.structure.colour).value
            ),
            ReferencedROINumber=number,
            ContourSequence=list(_contours(segment, placed)),
        )
        for number, segment in numbered
    ]
    dataset.RTROIObservationsSequence = [
        _observation(number, segment.structure) for number, segment in numbered
    ]


def _observation(number: int, structure: Structure) -> Dataset:
    """The codes of a region, the same as those of a segment (PS3.3 C.8.8.8)."""
    return item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        RTROIInterpretedType="",
        ROIInterpreter="",
        RTROIIdentificationCodeSequence=[identified(structure)],
        SegmentedPropertyCategoryCodeSequence=[CodedConcept.from_code(ANATOMICAL_STRUCTURE)],
    )


def _contours(segment: Segment, placed: ResultPlanes) -> Iterator[Dataset]:
    for index, plane in enumerate(placed.planes):
        for ring in outlines(segment.mask(index)):
            points = np.column_stack([ring, np.zeros(len(ring)), np.ones(len(ring))])
            points_mm = (points @ plane.affine.T)[:, :3]
            contour = item(
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(ring),
                ContourData=[f"{value:.{DECIMALS}f}" for value in points_mm.ravel()],
            )
            if placed.are_images:
                contour.ContourImageSequence = [reference(placed.images.images[index])]
            yield contour


def _require_as_meant(written: Dataset, segments: Sequence[Segment], placed: ResultPlanes) -> None:
    """Raise `OutputError` unless filling every outline on its plane gives the masks back."""
    contours = {int(region.ReferencedROINumber): region for region in written.ROIContourSequence}
    for number, segment in enumerate(segments, 1):
        rings: list[list[NDArray[np.float64]]] = [[] for _ in placed.planes]
        for contour in contours[number].get("ContourSequence") or ():
            points_mm = np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3)
            at = _plane_of(points_mm, placed)
            back = np.linalg.inv(placed.planes[at].affine)
            rings[at].append(points_mm @ back[:2, :3].T + back[:2, 3])
        off = sum(
            int((filled(outline, *segment.labels.shape[1:]) != segment.mask(index)).sum())
            for index, outline in enumerate(rings)
        )
        if off:
            raise _differs(f"{off} pixels of {segment.name!r} differ")


def _require_references(written: Dataset, placed: ResultPlanes) -> None:
    """Raise `OutputError` unless the set and every outline refer to the right images."""
    (study,) = written.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
    if not list_all(study.RTReferencedSeriesSequence, "ContourImageSequence", placed.images):
        raise _differs("it does not list each image once")
    for region in written.ROIContourSequence if placed.are_images else ():
        for contour in region.get("ContourSequence") or ():
            points_mm = np.array(contour.ContourData[:3], dtype=np.float64)[None]
            image = placed.images.images[_plane_of(points_mm, placed)]
            (named,) = contour.ContourImageSequence
            if not names(named, image):
                raise _differs("an outline refers to an image other than its slice")


def _plane_of(points_mm: NDArray[np.float64], placed: ResultPlanes) -> int:
    """The index of the plane that an outline lies on; `OutputError` if it lies on none."""
    across = placed.planes[0].affine[:3, 2]
    normal = across / np.linalg.norm(across)
    off_mm = np.abs((points_mm[:, None] - placed.origins_mm[None]) @ normal).max(axis=0)
    at = int(off_mm.argmin())
    if off_mm[at] > OFF_PLANE_MM:
        raise _differs(f"an outline lies {off_mm[at]:.3f} mm from its slice")
    return at


_differs = partial(differs, "RT Structure Set", "RTSTRUCT_DIFFERS")
