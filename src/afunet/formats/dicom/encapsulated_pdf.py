"""Write a PDF as a DICOM Encapsulated PDF (PS3.3 A.45.1), which archives keep beside the images."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from highdicom.sr import CodedConcept
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from afunet.formats.dicom.algorithm import MANUFACTURER, Algorithm
from afunet.formats.dicom.deidentify import deidentify
from afunet.formats.dicom.new_uids import new_uid
from afunet.formats.dicom.result import ResultPlanes, differs, library_errors_refused
from afunet.formats.dicom.source_images import file_beside, item
from afunet.whole_file import whole_file

SERIES_NUMBER = 9103
TITLE = "Bone segmentation report (research)"


def write_encapsulated_pdf(
    pdf: bytes,
    placed: ResultPlanes,
    algorithm: Algorithm,
    path: Path,
    identity: str,
    *,
    deidentified: bool = False,
) -> None:
    """Write a PDF that names no patient, filed beside the images that it is about.

    Raises `OutputError` if the file holds another PDF when it is read back; then none is left.
    """
    with library_errors_refused("DICOM document", "PDF_FAILED"):
        dataset = _document(pdf, placed, algorithm, identity)
        if deidentified:
            deidentify(dataset)
        with whole_file(path) as partial_file:
            dataset.save_as(partial_file, enforce_file_format=True)
            read = dcmread(partial_file)
            if read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] != pdf:
                raise differs("DICOM document", "PDF_FAILED", "it holds another PDF")


def _document(pdf: bytes, placed: ResultPlanes, algorithm: Algorithm, identity: str) -> Dataset:
    now = datetime.now()
    dataset = item(
        SOPClassUID=EncapsulatedPDFStorage,
        SOPInstanceUID=new_uid(identity, "PDF"),
        SeriesInstanceUID=new_uid(identity, "PDF series"),
        SeriesNumber=SERIES_NUMBER,
        SeriesDescription=TITLE,
        Modality="DOC",
        ConversionType="WSD",  # made on a workstation (PS3.3 C.8.6.1)
        Manufacturer=MANUFACTURER,
        ManufacturerModelName=algorithm.name,
        SoftwareVersions=version("afunet"),
        DeviceSerialNumber=algorithm.weights_sha256[:16],
        InstanceNumber=1,
        ContentDate=f"{now:%Y%m%d}",
        ContentTime=f"{now:%H%M%S}",
        AcquisitionDateTime="",
        BurnedInAnnotation="NO",
        DocumentTitle=TITLE,
        ConceptNameCodeSequence=[CodedConcept.from_code(codes.DCM.ImagingMeasurementReport)],
        SourceInstanceSequence=_sources(placed),
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=pdf + b"\0" * (len(pdf) % 2),
        EncapsulatedDocumentLength=len(pdf),
    )
    file_beside(placed.images, dataset)
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        delattr(dataset, keyword)  # no elements of a document (PS3.3 table A.45.1-1)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _sources(placed: ResultPlanes) -> list[Dataset]:
    """Return an item for each image file (PS3.3 C.24.2), whose frames are not told apart."""
    files = {image.sop_instance: image.sop_class for image in placed.images.images}
    return [
        item(ReferencedSOPClassUID=kind, ReferencedSOPInstanceUID=uid)
        for uid, kind in files.items()
    ]
