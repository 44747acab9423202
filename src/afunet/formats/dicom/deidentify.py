"""De-identify results (PS3.15 annex E, basic application profile).

The rules of table E.1-1 are those of the library dicom-anonymizer, which processes the top level of
a data set. Identifiers of images and series within sequences are replaced here, with the same map,
so that results of one run still refer to each other.
"""

from __future__ import annotations

from dicomanonymizer.simpledicomanonymizer import (
    anonymize_dataset,
    get_UID,
    initialize_actions_2024b,
    keep,
)
from highdicom.sr import CodedConcept
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

# Written by afunet itself: they name a program and bones, but nobody.
OURS = (
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "DeviceSerialNumber",
    "SeriesDescription",
    "ContentLabel",
    "ContentDescription",
    "StructureSetLabel",
    "StructureSetName",
    "StructureSetROISequence",
    "ROIContourSequence",
    "RTROIObservationsSequence",
    "ReferencedFrameOfReferenceSequence",
    "ReferencedSeriesSequence",
    "ReferencedImageSequence",
    "SourceImageSequence",
    "SourceInstanceSequence",
    "DocumentTitle",
    "EncapsulatedDocument",
    "SegmentSequence",
    "ContentSequence",
    "CurrentRequestedProcedureEvidenceSequence",
)
INSTANCES = (
    "SOPInstanceUID",
    "ReferencedSOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "ReferencedFrameOfReferenceUID",
    "SourceFrameOfReferenceUID",
    "TrackingUID",
    "UID",
)
# Validators refuse the year that the library writes.
LIBRARY_DATE, DUMMY_DATE = "00010101", "19000101"
METHOD = ("113100", "DCM", "Basic Application Confidentiality Profile")


def deidentify(dataset: Dataset) -> None:
    """Remove or replace, in place, all that identifies a patient, a study or an institution."""
    tags = (Tag(keyword) for keyword in OURS)
    rules = {(tag.group, tag.element): keep for tag in tags}
    before = {keyword: str(dataset[keyword].value) for keyword in INSTANCES if keyword in dataset}
    anonymize_dataset(dataset, rules, base_rules_gen=initialize_actions_2024b)
    for keyword, uid in before.items():  # by our map, whatever the rules did
        setattr(dataset, keyword, get_UID(uid))
    for element in dataset:
        if element.VR in ("DA", "DT") and str(element.value).startswith(LIBRARY_DATE):
            element.value = DUMMY_DATE
        if element.VR == "SQ":
            for item in element.value:
                item.walk(_replace_uid)
    if "MediaStorageSOPInstanceUID" in dataset.file_meta:
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "PS3.15 basic application confidentiality profile"
    dataset.DeidentificationMethodCodeSequence = [CodedConcept(*METHOD)]


def _replace_uid(dataset: Dataset, element: DataElement) -> None:
    if element.keyword in INSTANCES and element.value:
        element.value = get_UID(str(element.value))
