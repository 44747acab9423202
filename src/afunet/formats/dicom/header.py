"""What one DICOM image says about itself, as far as a CT volume needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from afunet.formats.dicom.copied_elements import READ_FOR_THEM, ImageFacts
from afunet.formats.dicom.elements import (
    PATIENT,
    PLACE,
    bits_stored,
    count,
    each_text,
    high_bit,
    integer,
    no_vectors,
    number,
    pair,
    pseudonyms,
    stored_range,
    text,
    texts,
    told,
    vector,
    word,
)
from afunet.formats.dicom.told_text import told_position

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
# CT, enhanced CT and legacy converted enhanced CT (PS3.4 B.5): they hold nothing but CT.
CT_CLASSES = (CT_IMAGE_STORAGE, f"{CT_IMAGE_STORAGE}.1", f"{CT_IMAGE_STORAGE}.2")
# What tells the acquisitions of one series apart, the most trustworthy first.
PHASES = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "ImageType",
    "ConvolutionKernel",
    "AcquisitionTime",
)
DESCRIPTIONS = ("ProtocolName", "SeriesDescription", "StudyDescription")
# What the frames of a multi-frame image are told by.
OF_FRAMES = (
    "ConcatenationFrameOffsetNumber",
    "DimensionIndexSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded, and whether it says so: see PS3.10 section 7.1."""

    transfer_syntax: str
    has_file_header: bool
    has_syntax: bool


def _of(read: Callable[..., Any], *keywords: str) -> Any:
    """A fact that `read` makes of these elements."""
    return field(metadata={"read": read, "keywords": keywords})


@dataclass(frozen=True, eq=False, kw_only=True)
class Header:
    """The facts of one DICOM image, each with its element; unknown texts are empty, numbers None.

    `position_mm` (3,) and the cosines `orientation` (6,), row direction first, are in LPS
    (PS3.3 C.7.6.2.1.1); `pixel_spacing_mm` is (between rows, between columns), as in DICOM.
    `frame` is the index within a multi-frame image. `phase` holds the values of `PHASES`.
    `padding` is the range of stored values that stand for no image (PS3.3 C.7.5.1.1.2).
    `patient` tells patients apart, in this process alone: a number for each of `PATIENT`, 0 where
    it is not named. `stack` is the StackID of a frame (PS3.3 C.7.6.16.2.2.4). `copied` is what
    becomes of the elements that results take over. `unreadable` gives elements of the place that
    hold something else than so many finite numbers, with what stands there as far as it is made of
    figures.
    """

    path: Path
    transfer_syntax: str
    has_file_header: bool
    has_syntax: bool
    frame: int | None = None
    copied: ImageFacts = field(default_factory=lambda: ImageFacts(None, {}))
    sop_class: str = _of(text, "SOPClassUID")
    sop_instance: str = _of(text, "SOPInstanceUID")
    modality: str = _of(lambda *of: told(*of).upper(), "Modality")
    image_type: tuple[str, ...] = _of(texts, "ImageType")
    series_uid: str = _of(text, "SeriesInstanceUID")
    frame_of_reference: str = _of(text, "FrameOfReferenceUID")
    instance_number: int | None = _of(integer, "InstanceNumber")
    phase: tuple[str, ...] = _of(each_text, *PHASES)
    position_mm: NDArray[np.float64] | None = _of(vector, "ImagePositionPatient")  # noqa: RUF009
    orientation: NDArray[np.float64] | None = _of(vector, "ImageOrientationPatient")  # noqa: RUF009
    pixel_spacing_mm: tuple[float, float] | None = _of(pair, "PixelSpacing")
    rows: int = _of(count, "Rows")
    columns: int = _of(count, "Columns")
    slice_thickness_mm: float | None = _of(number, "SliceThickness")
    slice_spacing_mm: float | None = _of(number, "SpacingBetweenSlices")
    frames: int = _of(partial(count, unsaid=1), "NumberOfFrames")
    samples_per_pixel: int = _of(partial(count, unsaid=1), "SamplesPerPixel")
    photometric: str = _of(word, "PhotometricInterpretation")
    bits_allocated: int = _of(partial(count, unsaid=16), "BitsAllocated")
    bits_stored: int = _of(bits_stored, "BitsStored", "BitsAllocated")
    high_bit: int = _of(high_bit, "HighBit", "BitsStored", "BitsAllocated")
    is_signed: bool = _of(lambda *of: integer(*of) == 1, "PixelRepresentation")
    padding: tuple[int, int] | None = _of(
        stored_range,
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "BitsAllocated",
        "PixelRepresentation",
    )
    slope: float | None = _of(number, "RescaleSlope")
    intercept: float | None = _of(number, "RescaleIntercept")
    rescale_type: str = _of(word, "RescaleType")
    is_lossy: bool = _of(lambda *of: text(*of) == "01", "LossyImageCompression")
    body_part: str = _of(word, "BodyPartExamined")
    descriptions: tuple[str, ...] = _of(
        lambda *of: tuple(filter(None, each_text(*of))), *DESCRIPTIONS
    )
    patient_position: str = _of(lambda *of: told_position(word(*of)), "PatientPosition")
    manufacturer: str = _of(told, "Manufacturer")
    model: str = _of(told, "ManufacturerModelName")
    kernel: str = _of(told, "ConvolutionKernel")
    series_description: str = _of(text, "SeriesDescription")
    protocol: str = _of(text, "ProtocolName")
    derivation: str = _of(text, "DerivationDescription")
    patient: tuple[int, int, int] = _of(pseudonyms, *PATIENT)
    study_uid: str = _of(text, "StudyInstanceUID")
    series_number: str = _of(text, "SeriesNumber")
    stack: str = _of(text, "StackID")
    unreadable: tuple[tuple[str, str], ...] = _of(no_vectors, *PLACE)

    @property
    def rescale(self) -> tuple[float, float] | None:
        """Slope and intercept where both are stated."""
        if self.slope is None or self.intercept is None:
            return None
        return self.slope, self.intercept

    @property
    def grid(self) -> tuple[int, int, tuple[float, float] | None]:
        """Rows, columns and pixel spacing: what images that lie pixel on pixel share."""
        return self.rows, self.columns, self.pixel_spacing_mm

    @property
    def is_original(self) -> bool:
        """Whether neither derived nor secondary (PS3.3 C.7.6.1.1.2)."""
        return not {"DERIVED", "SECONDARY"} & set(self.image_type)

    @property
    def ends_early(self) -> bool:
        """Whether a CT image's header stops before its image: the file was cut."""
        return self.rows == 0 and self.sop_class in (CT_IMAGE_STORAGE, "")


_FACTS = [fact for fact in fields(Header) if fact.metadata]
# A StackID outside of frames is not looked at.
KEYWORDS = {keyword for fact in _FACTS for keyword in fact.metadata["keywords"]} - {"StackID"}
KEYWORDS |= {*OF_FRAMES, *READ_FOR_THEM}


def is_ct(header: Header) -> bool:
    """Whether an image is CT by its modality, or by its class where there is no modality."""
    return (header.modality or ("CT" if header.sop_class in CT_CLASSES else "")) == "CT"


def header_of(dataset: Dataset, path: Path, encoding: Encoding, frame: int | None = None) -> Header:
    """The header's facts; an element that cannot be understood counts as not there."""
    found = {
        fact.name: fact.metadata["read"](dataset, *fact.metadata["keywords"]) for fact in _FACTS
    }
    return Header(path=path, frame=frame, **vars(encoding), **found)
