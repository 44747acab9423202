"""The images that a scan was made from, as results in DICOM refer to them."""

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
    """A data set of these elements, by their keywords."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def reference(image: SourceImage) -> Dataset:
    """An item that names the image, and the frame (PS3.3 table 10-3)."""
    frame = {} if image.frame is None else {"ReferencedFrameNumber": image.frame + 1}
    return item(
        ReferencedSOPClassUID=image.sop_class, ReferencedSOPInstanceUID=image.sop_instance, **frame
    )


def names(other: Dataset, image: SourceImage) -> bool:
    """Whether such an item names this image, and this frame of it."""
    return all(other.get(element.keyword) == element.value for element in reference(image)) and (
        image.frame is not None or "ReferencedFrameNumber" not in other
    )


def list_all(items: Sequence[Dataset], keyword: str, images: SourceImages) -> bool:
    """Whether items of series list all files, each once, in their `keyword` sequence."""
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
    """The same with stand-ins for UIDs of a form that no reader takes, to be renewed anyway."""
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
    """Keeps what results need of the images while their pixels are read."""

    def __init__(self) -> None:
        self._elements: list[CopiedElements] = []
        self._frames: list[int | None] = []

    def add(self, header: Header, files: ImageFiles) -> None:
        """Keep what results need of the image of a header."""
        with broken_files_refused(header.path):
            self._elements.append(copied_elements(files.dataset(header.path)))
        self._frames.append(header.frame)

    def images(self) -> SourceImages:
        """All images that were added, with new UIDs where a study, series or frame has none."""
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
    """The images' own, else a new one: a result lies in one."""
    values = {one.verdicts["FrameOfReferenceUID"].value for one in elements} - {""}
    return values.pop() if len(values) == 1 else str(generate_uid())


def _sound(uid: str) -> str:
    fine = uid_rule(uid).outcome is Outcome.FINE
    return uid if fine else str(generate_uid(entropy_srcs=[uid]))
