"""What results in DICOM must know of the images they were made from, and no more of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, generate_uid

from afunet.formats.dicom.archive_findings import unsound_references
from afunet.formats.dicom.character_sets import character_set_for
from afunet.formats.dicom.copied_elements import (
    CHARACTER_SET,
    FILED_BY,
    CopiedElements,
    ImageFacts,
    copied_elements,
    most_common,
)
from afunet.formats.dicom.files import broken_files_refused
from afunet.formats.dicom.header import Header
from afunet.formats.dicom.pixels import ImageFiles
from afunet.formats.dicom.text_rules import Outcome, uid_rule
from afunet.formats.findings import Finding


@dataclass(frozen=True, repr=False)
class SourceImage:
    """The UIDs by which a result refers to a slice.

    `frame` counts from 0 in a multi-frame image.
    """

    sop_class: str
    sop_instance: str
    series: str
    frame: int | None = None

    def reference(self) -> Dataset:
        """An item that names the image, and the frame (PS3.3 table 10-3)."""
        item = Dataset()
        item.ReferencedSOPClassUID = self.sop_class
        item.ReferencedSOPInstanceUID = self.sop_instance
        if self.frame is not None:
            item.ReferencedFrameNumber = self.frame + 1
        return item

    def is_named_by(self, item: Dataset) -> bool:
        """Whether such an item names this image, and this frame of it."""
        frame = item.get("ReferencedFrameNumber")
        named = item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID
        return named == (self.sop_class, self.sop_instance) and frame == (
            None if self.frame is None else self.frame + 1
        )


@dataclass(frozen=True, eq=False, repr=False)
class SourceImages:
    """The slices of a scan in their order, and what an archive files them by.

    `filed` holds the values of `FILED_BY`, "" where there is none, written in `character_set`.
    """

    images: tuple[SourceImage, ...]
    study: str
    frame_of_reference: str
    filed: Mapping[str, str] = field(default_factory=dict)
    character_set: str = ""
    facts: tuple[ImageFacts, ...] = ()

    def unsound(self, *, renewed: bool) -> Finding | None:
        """Why results cannot refer to the images: see `unsound_references`."""
        return unsound_references(self.facts, renewed=renewed)

    def of_series(self) -> dict[str, list[SourceImage]]:
        """The images by series, each file once: multi-frame images without a frame."""
        found: dict[str, dict[str, SourceImage]] = {}
        for image in self.images:
            of_series = found.setdefault(image.series, {})
            of_series.setdefault(image.sop_instance, replace(image, frame=None))
        return {series: list(images.values()) for series, images in found.items()}

    def are_listed(self, items: Sequence[Dataset], keyword: str) -> bool:
        """Whether items of series list all files, each once, in their `keyword` sequence."""
        listed = [
            (str(series.SeriesInstanceUID), str(image.ReferencedSOPInstanceUID))
            for series in items
            for image in series[keyword].value
        ]
        series_and_images = self.of_series().items()
        return listed == [
            (uid, image.sop_instance) for uid, of in series_and_images for image in of
        ]

    def put_into(self, result: Dataset) -> None:
        """Set the elements of the patient, the study and the frame of reference in a result."""
        if self.character_set:
            setattr(result, CHARACTER_SET, self.character_set)
        elif CHARACTER_SET in result:
            delattr(result, CHARACTER_SET)
        for keyword in FILED_BY:
            setattr(result, keyword, self.filed.get(keyword, ""))
        result.StudyInstanceUID = self.study
        result.FrameOfReferenceUID = self.frame_of_reference

    def with_sound_uids(self) -> SourceImages:
        """The same with stand-ins for UIDs of a form that no reader takes, to be renewed anyway."""
        return replace(
            self,
            study=_sound(self.study),
            frame_of_reference=_sound(self.frame_of_reference),
            images=tuple(
                SourceImage(
                    _sound(image.sop_class),
                    _sound(image.sop_instance),
                    _sound(image.series),
                    image.frame,
                )
                for image in self.images
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
            facts=tuple(
                one.facts(frame) for one, frame in zip(elements, self._frames, strict=True)
            ),
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
