"""What results in DICOM must know of the images they were made from, and no more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from afunet.formats.dicom.enhanced import PER_FRAME, SHARED
from afunet.formats.dicom.files import broken_files_refused
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import ImageFiles

# Types 1 and 2 of the Patient and the General Study module (PS3.3 C.7.1.1, C.7.2.1): an archive
# files by them. Everything else that names somebody stays behind.
FILED_BY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
)
PLACED_BY = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Modality",
    "InstanceNumber",
    "ImageType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "Rows",
    "Columns",
    "NumberOfFrames",
    SHARED,
    PER_FRAME,
)
SHARED_BY_ALL = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, eq=False)
class SourceImages:
    """The headers of the images of a scan, in the order of its slices.

    A multi-frame image is one data set; `frames` then holds the index of each slice in it, else
    it is empty.
    """

    datasets: tuple[Dataset, ...]
    frames: tuple[int, ...] = ()


class SourceCollector:
    """Keeps the headers of images while their pixels are read."""

    def __init__(self) -> None:
        self._datasets: list[Dataset] = []
        self._frames: list[int] = []

    def add(self, header: Header, files: ImageFiles) -> None:
        """Keep what results need of the image of a header."""
        if header.frame is not None:
            self._frames.append(header.frame)
            if self._datasets:
                return
        with broken_files_refused(header.path):
            self._datasets.append(_reduced(files.dataset(header.path)))

    def images(self) -> SourceImages:
        """All images that were added, complete where an archive asks for it."""
        _complete(self._datasets)
        return SourceImages(tuple(self._datasets), tuple(self._frames))


def _reduced(dataset: Dataset) -> Dataset:
    kept = Dataset()
    for keyword in (*PLACED_BY, *FILED_BY):
        if keyword in dataset:
            kept.add(dataset[keyword])
    return kept


def _complete(datasets: Sequence[Dataset]) -> None:
    """Fill what is missing: empty where that is allowed, else new identifiers, shared by all."""
    made = {keyword: generate_uid() for keyword in SHARED_BY_ALL}
    for dataset in datasets:
        for keyword in FILED_BY:
            if keyword not in dataset:
                setattr(dataset, keyword, "")
        for keyword, uid in made.items():
            if not dataset.get(keyword):
                setattr(dataset, keyword, uid)
        if not dataset.get("SOPClassUID"):
            dataset.SOPClassUID = CTImageStorage
        if not dataset.get("SOPInstanceUID"):
            dataset.SOPInstanceUID = generate_uid()
