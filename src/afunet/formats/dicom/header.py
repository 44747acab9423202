"""The header of one DICOM image, as far as a CT volume needs it."""

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
# The elements that distinguish acquisitions of one series, the most reliable first.
PHASES = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "ImageType",
    "ConvolutionKernel",
    "AcquisitionTime",
)
DESCRIPTIONS = ("ProtocolName", "SeriesDescription", "StudyDescription")
# The elements that describe the frames of a multi-frame image.
OF_FRAMES = (
    "ConcatenationFrameOffsetNumber",
    "DimensionIndexSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded, and whether it states this (PS3.10 section 7.1)."""

    transfer_syntax: str
    has_file_header: bool
    has_syntax: bool


def _of(read: Callable[..., Any], *keywords: str) -> Any:
    """A field whose value `read` makes from these elements."""
    return field(metadata={"read": read, "keywords": keywords})


@dataclass(frozen=True, eq=False, kw_only=True)
class Header:
    """The facts of one DICOM image, each with its element; unknown texts are empty, numbers None.

    `position_mm` (3,) and the cosines `orientation` (6,), row direction first, are in LPS
    (PS3.3 C.7.6.2.1.1); `pixel_spacing_mm` is (between rows, between columns), as in DICOM.
    `frame` is the index within a multi-frame image. `phase` holds the values of `PHASES`.
    `padding` is the range of stored values that mark pixels outside the image
    (PS3.3 C.7.5.1.1.2). `patient` distinguishes patients within this process: a number for each of
    `PATIENT`, 0 if it is missing. `stack` is the StackID of a frame (PS3.3 C.7.6.16.2.2.4).
    `copied` is the outcome for the elements that results copy. `unreadable` lists position elements
    without the right number of finite numbers, each with its text if that is only figures.
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
        """Slope and intercept if both are stated."""
        if self.slope is None or self.intercept is None:
            return None
        return self.slope, self.intercept

    @property
    def grid(self) -> tuple[int, int, tuple[float, float] | None]:
        """Rows, columns and pixel spacing, equal for images on the same pixels."""
        return self.rows, self.columns, self.pixel_spacing_mm

    @property
    def is_original(self) -> bool:
        """Whether the image is neither derived nor secondary (PS3.3 C.7.6.1.1.2)."""
        return not {"DERIVED", "SECONDARY"} & set(self.image_type)

    @property
    def ends_early(self) -> bool:
        """Whether the file of a CT image was cut off before its image."""
        return self.rows == 0 and self.sop_class in (CT_IMAGE_STORAGE, "")


_FACTS = [fact for fact in fields(Header) if fact.metadata]
# A StackID outside frames is ignored.
KEYWORDS = {keyword for fact in _FACTS for keyword in fact.metadata["keywords"]} - {"StackID"}
KEYWORDS |= {*OF_FRAMES, *READ_FOR_THEM}


def is_ct(header: Header) -> bool:
    """Whether an image is CT by its modality, or by its SOP class without a modality."""
    return (header.modality or ("CT" if header.sop_class in CT_CLASSES else "")) == "CT"


def header_of(dataset: Dataset, path: Path, encoding: Encoding, frame: int | None = None) -> Header:
    """Build the header of an image; an element that cannot be read counts as missing."""
    found = {
        fact.name: fact.metadata["read"](dataset, *fact.metadata["keywords"]) for fact in _FACTS
    }
    return Header(path=path, frame=frame, **vars(encoding), **found)
