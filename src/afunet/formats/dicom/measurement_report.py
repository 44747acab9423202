"""Write the measures of bones as a DICOM Structured Report (PS3.16 TID 1500).

The profile followed is IHE AI Results: each bone is a group of measurements (TID 1411) that refers
to its segment of the DICOM Segmentation of the same run, and has the segment's tracking identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import highdicom.sr
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from afunet.formats.dicom.algorithm import MANUFACTURER, Algorithm
from afunet.formats.dicom.copied_elements import FILED_BY
from afunet.formats.dicom.deidentify import deidentify
from afunet.formats.dicom.new_uids import new_uid
from afunet.formats.dicom.result import (
    ANATOMICAL_STRUCTURE,
    ResultPlanes,
    Structure,
    differs,
    library_errors_refused,
)
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.dicom.source_images import file_beside, item
from afunet.whole_file import whole_file

SERIES_NUMBER = 9102
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"  # PS3.6; pydicom does not name it yet
OWN_CODES = "99AFUNET"
FLAG = Code("FLAG", OWN_CODES, "Flag of the segmentation program")
MEAN_HU, MEAN = codes.DCM.AttenuationCoefficient, codes.SCT.Mean
LENGTH, VOLUME = codes.SCT.Length, codes.SCT.Volume
MM, MM3, HU = codes.UCUM.Millimeter, codes.UCUM.CubicMillimeter, codes.UCUM.HounsfieldUnit


@dataclass(frozen=True)
class BoneMeasures:
    """The measures of one segment; None for what is not known. `flags` are codes of findings."""

    structure: Structure
    segment: int
    volume_mm3: float
    length_mm: float | None = None
    mean_hu: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Segmentation:
    """The Segmentation whose segments the bones are."""

    sop_class: str
    instance: str
    series: str

    @classmethod
    def of(cls, identity: str, kind: SegmentationKind) -> _Segmentation:
        is_label_map = kind is SegmentationKind.LABELMAP
        sop_class = LABEL_MAP_STORAGE if is_label_map else SegmentationStorage
        return cls(str(sop_class), new_uid(identity, "SEG"), new_uid(identity, "SEG series"))


def write_measurement_report(
    bones: Sequence[BoneMeasures],
    placed: ResultPlanes,
    algorithm: Algorithm,
    path: Path,
    identity: str,
    *,
    kind: SegmentationKind = SegmentationKind.BINARY,
    flags: Sequence[str] = (),
    deidentified: bool = False,
) -> None:
    """Write the measures of bones, and the flags of the whole result, and check them by reading.

    The report refers to the Segmentation that `write_segmentation` writes with the same `identity`
    and `kind`.
    Raises `OutputError` if the file holds other measures than these; then no file is left.
    """
    with library_errors_refused("DICOM measurement report", "SR_FAILED"):
        dataset = _report(
            bones, placed, algorithm, _Segmentation.of(identity, kind), identity, flags
        )
        if deidentified:
            deidentify(dataset)
        with whole_file(path) as partial_file:
            dataset.save_as(partial_file)
            _require_as_meant(dcmread(partial_file), bones)


def _report(
    bones: Sequence[BoneMeasures],
    placed: ResultPlanes,
    algorithm: Algorithm,
    segmentation: _Segmentation,
    identity: str,
    flags: Sequence[str],
) -> highdicom.sr.Comprehensive3DSR:
    device = highdicom.sr.DeviceObserverIdentifyingAttributes(
        uid=new_uid(algorithm.weights_sha256, "device"),
        name=algorithm.name,
        manufacturer_name=MANUFACTURER,
        model_name=algorithm.name,
        serial_number=algorithm.weights_sha256[:16],
    )
    observer = highdicom.sr.ObserverContext(codes.DCM.Device, device)
    groups = [_group(bone, placed, algorithm, segmentation) for bone in bones]
    content = highdicom.sr.MeasurementReport(
        observation_context=highdicom.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[*groups, *_of_whole(flags, placed, algorithm)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    dataset = highdicom.sr.Comprehensive3DSR(
        evidence=_evidence(placed, segmentation),
        content=content,
        series_instance_uid=new_uid(identity, "SR series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=new_uid(identity, "SR"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Bone measurements (research)",
        manufacturer_model_name=algorithm.name,
        software_versions=version("afunet"),
        device_serial_number=algorithm.weights_sha256[:16],
    )
    file_beside(placed.images, dataset)
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        if keyword in dataset:  # no elements of a report (PS3.3 A.35.13)
            delattr(dataset, keyword)
    return dataset


def _group(
    bone: BoneMeasures, placed: ResultPlanes, algorithm: Algorithm, segmentation: _Segmentation
) -> highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    structure = bone.structure
    measured = [(VOLUME, bone.volume_mm3, MM3, None), (LENGTH, bone.length_mm, MM, None)]
    measured.append((MEAN_HU, bone.mean_hu, HU, MEAN))
    return highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=highdicom.sr.TrackingIdentifier(
            uid=placed.tracking_uid(structure), identifier=structure.name
        ),
        referenced_segment=highdicom.sr.ReferencedSegment(
            sop_class_uid=segmentation.sop_class,
            sop_instance_uid=segmentation.instance,
            segment_number=bone.segment,
            source_series=highdicom.sr.SourceSeriesForSegmentation(placed.images.images[0].series),
        ),
        finding_category=ANATOMICAL_STRUCTURE,
        finding_type=structure.code,
        finding_sites=[highdicom.sr.FindingSite(structure.code, laterality=structure.laterality)],
        algorithm_id=_identification(algorithm),
        measurements=[
            highdicom.sr.Measurement(name=name, value=value, unit=unit, derivation=derivation)
            for name, value, unit, derivation in measured
            if value is not None
        ],
        qualitative_evaluations=_evaluations(bone.flags),
    )


def _of_whole(
    flags: Sequence[str], placed: ResultPlanes, algorithm: Algorithm
) -> Iterable[highdicom.sr.MeasurementsAndQualitativeEvaluations]:
    """A group for the flags that are about no single bone (TID 1501)."""
    if flags:
        whole = Structure("whole result")
        yield highdicom.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=highdicom.sr.TrackingIdentifier(
                uid=placed.tracking_uid(whole), identifier=whole.name
            ),
            finding_type=whole.code,
            algorithm_id=_identification(algorithm),
            qualitative_evaluations=_evaluations(flags),
        )


def _identification(algorithm: Algorithm) -> highdicom.sr.AlgorithmIdentification:
    parameters = [f"weights SHA-256 {algorithm.weights_sha256}", algorithm.kind.lower()]
    return highdicom.sr.AlgorithmIdentification(
        name=algorithm.name, version=algorithm.version, parameters=parameters
    )


def _evaluations(flags: Iterable[str]) -> list[highdicom.sr.QualitativeEvaluation]:
    return [
        highdicom.sr.QualitativeEvaluation(
            name=FLAG, value=Code(flag, OWN_CODES, flag.replace("_", " ").capitalize())
        )
        for flag in dict.fromkeys(flags)
    ]


def _evidence(placed: ResultPlanes, segmentation: _Segmentation) -> list[Dataset]:
    """Data sets with no more than what the report says of the images and the Segmentation."""
    study = {
        **dict.fromkeys(FILED_BY, ""),
        "StudyInstanceUID": placed.images.study,
    }
    images = {
        image.sop_instance: item(
            **study,
            SOPClassUID=image.sop_class,
            SOPInstanceUID=image.sop_instance,
            SeriesInstanceUID=image.series,
        )
        for image in placed.images.images
    }
    segments = item(
        **study,
        SOPClassUID=segmentation.sop_class,
        SOPInstanceUID=segmentation.instance,
        SeriesInstanceUID=segmentation.series,
    )
    return [*images.values(), segments]


def _require_as_meant(written: Dataset, bones: Sequence[BoneMeasures]) -> None:
    """Raise `OutputError` unless the groups read back hold the bones' measures."""
    read = highdicom.sr.MeasurementReport.from_sequence([written])
    groups = read.get_volumetric_roi_measurement_groups()
    if len(groups) != len(bones):
        raise _differs(f"{len(groups)} bones of {len(bones)}")
    for group, bone in zip(groups, bones, strict=True):
        found = {one.name.value: one.value for one in group.get_measurements()}
        meant = {VOLUME.value: bone.volume_mm3, LENGTH.value: bone.length_mm}
        meant[MEAN_HU.value] = bone.mean_hu
        for name, value in meant.items():
            if value is not None and abs(found[name] - value) > 1e-4 * max(1.0, abs(value)):
                raise _differs(f"a measure of {bone.structure.name!r}")


_differs = partial(differs, "DICOM measurement report", "SR_DIFFERS")
