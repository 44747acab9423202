"""References from DICOM results to the images of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, generate_uid

from afunet.formats.dicom.archive_findings import unsound_references
from afunet.formats.dicom.character_sets import character_set_for
from afunet.formats.dicom.copied_elements import (
    CHARACTER_SET,
    FILED_BY,
    CopiedElements,
    copied_elements,
    most_common,
)
from afunet.formats.dicom.files import broken_files_refused
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import ImageFiles
from afunet.formats.dicom.text_rules import Outcome, uid_rule
from afunet.formats.scan import SourceImage, SourceImages


def item(**elements: Any) -> Dataset:
    """Make a data set from these elements, by keyword."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def reference(image: SourceImage) -> Dataset:
    """An item that refers to the image and its frame (PS3.3 table 10-3)."""
    frame = {} if image.frame is None else {"ReferencedFrameNumber": image.frame + 1}
    return item(
        ReferencedSOPClassUID=image.sop_class, ReferencedSOPInstanceUID=image.sop_instance, **frame
    )


def names(other: Dataset, image: SourceImage) -> bool:
    """Whether an item refers to this image, and to this frame of it."""
    return all(other.get(element.keyword) == element.value for element in reference(image)) and (
        image.frame is not None or "ReferencedFrameNumber" not in other
    )


def list_all(items: Sequence[Dataset], keyword: str, images: SourceImages) -> bool:
    """Whether the items of series list every file once in their `keyword` sequences."""
    listed = [
        (str(series.SeriesInstanceUID), str(image.ReferencedSOPInstanceUID))
        for series in items
        for image in series[keyword].value
    ]
    return listed == [
        (uid, image.sop_instance) for uid, of in images.of_series().items() for image in of
    ]


def file_beside(images: SourceImages, result: Dataset) -> None:
    """Set the elements of the patient, the study and the frame of reference in a result."""
    if images.character_set:
        setattr(result, CHARACTER_SET, images.character_set)
    elif CHARACTER_SET in result:
        delattr(result, CHARACTER_SET)
    for keyword in FILED_BY:
        setattr(result, keyword, images.filed.get(keyword, ""))
    result.StudyInstanceUID = images.study
    result.FrameOfReferenceUID = images.frame_of_reference


def with_sound_uids(images: SourceImages) -> SourceImages:
    """Replace UIDs that no reader accepts; they will be renewed later anyway."""
    return replace(
        images,
        study=_sound(images.study),
        frame_of_reference=_sound(images.frame_of_reference),
        images=tuple(
            replace(
                image,
                sop_class=_sound(image.sop_class),
                sop_instance=_sound(image.sop_instance),
                series=_sound(image.series),
            )
            for image in images.images
        ),
    )


class SourceCollector:
    """Collects what results need from the images while their pixels are read."""

    def __init__(self) -> None:
        self._elements: list[CopiedElements] = []
        self._frames: list[int | None] = []

    def add(self, header: Header, files: ImageFiles) -> None:
        """Keep what results need from the image of this header."""
        with broken_files_refused(header.path):
            self._elements.append(copied_elements(files.dataset(header.path)))
        self._frames.append(header.frame)

    def images(self) -> SourceImages:
        """All images that were added, with new UIDs for missing ones of study, series or frame."""
        elements, first = self._elements, self._elements[0]
        series = most_common(elements, "SeriesInstanceUID") or generate_uid()
        facts = [one.facts(frame) for one, frame in zip(elements, self._frames, strict=True)]
        filed = {keyword: most_common(elements, keyword) for keyword in FILED_BY}
        return SourceImages(
            images=tuple(
                _image(one, frame, series)
                for one, frame in zip(elements, self._frames, strict=True)
            ),
            study=most_common(elements, "StudyInstanceUID") or generate_uid(),
            frame_of_reference=_frame_of_reference(elements),
            filed=filed,
            character_set=character_set_for("".join(filed.values()), first.terms),
            unsound=unsound_references(facts),
            unsound_renewed=unsound_references(facts, renewed=True),
        )


def _image(elements: CopiedElements, frame: int | None, series: str) -> SourceImage:
    verdicts = elements.verdicts
    usual = CTImageStorage if frame is None else EnhancedCTImageStorage
    return SourceImage(
        sop_class=verdicts["SOPClassUID"].value or usual,
        sop_instance=verdicts["SOPInstanceUID"].value,
        series=verdicts["SeriesInstanceUID"].value or series,
        frame=frame,
    )


def _frame_of_reference(elements: Sequence[CopiedElements]) -> str:
    """The frame of reference of the images, or a new one unless they share exactly one."""
    values = {one.verdicts["FrameOfReferenceUID"].value for one in elements} - {""}
    return values.pop() if len(values) == 1 else str(generate_uid())


def _sound(uid: str) -> str:
    fine = uid_rule(uid).outcome is Outcome.FINE
    return uid if fine else str(generate_uid(entropy_srcs=[uid]))
