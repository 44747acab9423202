"""What one DICOM image says about itself, as far as a CT volume needs it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from afunet.formats.dicom.copied_elements import READ_FOR_THEM, ImageFacts, texts_of
from afunet.formats.dicom.told_text import told_position, told_text

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

# What places an image, and of how many numbers it is made.
PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
FIGURES = re.compile(r"(?:[-+0-9.,eE\\ ]|nan|inf)*", re.IGNORECASE)
LONGEST_SHOWN = 60

# What is read of each header. Of whose it is, only whether two are of the same patient is kept.
PATIENT = ("PatientID", "PatientName", "PatientBirthDate")
KEYWORDS = [
    *PATIENT,
    "StudyInstanceUID",
    "SeriesNumber",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "ImageType",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "InstanceNumber",
    "AcquisitionNumber",
    "AcquisitionTime",
    "TemporalPositionIdentifier",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "SliceThickness",
    "SpacingBetweenSlices",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "LossyImageCompression",
    "DerivationDescription",
    "BodyPartExamined",
    "PatientPosition",
    "Manufacturer",
    "ManufacturerModelName",
    "ConvolutionKernel",
    "SpecificCharacterSet",
    "ConcatenationFrameOffsetNumber",
    "DimensionIndexSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    *DESCRIPTIONS,
    *READ_FOR_THEM,
]


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded, and whether it says so: see PS3.10 section 7.1."""

    transfer_syntax: str
    has_file_header: bool
    has_syntax: bool


@dataclass(frozen=True, eq=False)
class Header:
    """The facts of one DICOM image; unknown texts are empty, unknown numbers None.

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
    has_file_header: bool
    has_syntax: bool
    frame: int | None
    transfer_syntax: str
    sop_class: str
    sop_instance: str
    modality: str
    image_type: tuple[str, ...]
    series_uid: str
    frame_of_reference: str
    instance_number: int | None
    phase: tuple[str, ...]
    position_mm: NDArray[np.float64] | None
    orientation: NDArray[np.float64] | None
    pixel_spacing_mm: tuple[float, float] | None
    rows: int
    columns: int
    slice_thickness_mm: float | None
    slice_spacing_mm: float | None
    frames: int
    samples_per_pixel: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    padding: tuple[int, int] | None
    slope: float | None
    intercept: float | None
    rescale_type: str
    is_lossy: bool
    body_part: str
    descriptions: tuple[str, ...]
    patient_position: str
    manufacturer: str
    model: str
    kernel: str
    series_description: str = ""
    protocol: str = ""
    derivation: str = ""
    patient: tuple[int, int, int] = (0, 0, 0)
    study_uid: str = ""
    series_number: str = ""
    stack: str = ""
    copied: ImageFacts = field(default_factory=lambda: ImageFacts(None, {}))
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def is_original(self) -> bool:
        """Whether neither derived nor secondary (PS3.3 C.7.6.1.1.2)."""
        return not {"DERIVED", "SECONDARY"} & set(self.image_type)

    @property
    def ends_early(self) -> bool:
        """Whether a CT image's header stops before its image: the file was cut."""
        return self.rows == 0 and self.sop_class in (CT_IMAGE_STORAGE, "")


def is_ct(header: Header) -> bool:
    """Whether an image is CT by its modality, or by its class where there is no modality."""
    return (header.modality or ("CT" if header.sop_class in CT_CLASSES else "")) == "CT"


def header_of(dataset: Dataset, path: Path, encoding: Encoding, frame: int | None = None) -> Header:
    """The header's facts; an element that cannot be understood counts as not there."""
    spacing = _numbers(dataset, "PixelSpacing", 2)
    bits = _integer(dataset, "BitsAllocated") or 16
    stored = _integer(dataset, "BitsStored") or bits
    high_bit = _integer(dataset, "HighBit")
    return Header(
        path=path,
        has_file_header=encoding.has_file_header,
        has_syntax=encoding.has_syntax,
        frame=frame,
        transfer_syntax=encoding.transfer_syntax,
        sop_class=_text(dataset, "SOPClassUID"),
        sop_instance=_text(dataset, "SOPInstanceUID"),
        modality=_told(dataset, "Modality").upper(),
        image_type=_texts(dataset, "ImageType"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        frame_of_reference=_text(dataset, "FrameOfReferenceUID"),
        instance_number=_integer(dataset, "InstanceNumber"),
        phase=_phase(dataset),
        position_mm=_numbers(dataset, "ImagePositionPatient", 3),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6),
        pixel_spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        rows=_integer(dataset, "Rows") or 0,
        columns=_integer(dataset, "Columns") or 0,
        slice_thickness_mm=_number(dataset, "SliceThickness"),
        slice_spacing_mm=_number(dataset, "SpacingBetweenSlices"),
        frames=1 if frame is not None else _integer(dataset, "NumberOfFrames") or 1,
        samples_per_pixel=_integer(dataset, "SamplesPerPixel") or 1,
        photometric=_text(dataset, "PhotometricInterpretation").upper(),
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        is_signed=_integer(dataset, "PixelRepresentation") == 1,
        padding=_padding(dataset, bits),
        slope=_number(dataset, "RescaleSlope"),
        intercept=_number(dataset, "RescaleIntercept"),
        rescale_type=_text(dataset, "RescaleType").upper(),
        is_lossy=_text(dataset, "LossyImageCompression") == "01",
        body_part=_text(dataset, "BodyPartExamined").upper(),
        descriptions=tuple(filter(None, (_text(dataset, name) for name in DESCRIPTIONS))),
        patient_position=told_position(_text(dataset, "PatientPosition").upper()),
        manufacturer=_told(dataset, "Manufacturer"),
        model=_told(dataset, "ManufacturerModelName"),
        kernel=_told(dataset, "ConvolutionKernel"),
        series_description=_text(dataset, "SeriesDescription"),
        protocol=_text(dataset, "ProtocolName"),
        derivation=_text(dataset, "DerivationDescription"),
        patient=_pseudonyms(dataset),
        study_uid=_text(dataset, "StudyInstanceUID"),
        series_number=_text(dataset, "SeriesNumber"),
        stack=_text(dataset, "StackID"),
        unreadable=_unreadable(dataset),
    )


def _unreadable(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    found = []
    for keyword, count in PLACE.items():
        texts = _texts(dataset, keyword)
        if any(texts) and _numbers(dataset, keyword, count) is None:
            text = "\\".join(texts)[:LONGEST_SHOWN]
            found.append((keyword, text if FIGURES.fullmatch(text) else ""))
    return tuple(found)


def _pseudonyms(dataset: Dataset) -> tuple[int, int, int]:
    """Numbers that only mean something beside others of this process: their hashes are salted.

    Case and punctuation do not count: `Doe^Jo^^` is `DOE^JO`.
    """
    number, name, birth = (_pseudonym(_text(dataset, keyword)) for keyword in PATIENT)
    return number, name, birth


def _pseudonym(text: str) -> int:
    letters = "".join(filter(str.isalnum, text.casefold()))
    return hash(letters) if letters else 0


def _phase(dataset: Dataset) -> tuple[str, ...]:
    return tuple(" ".join(_texts(dataset, keyword)) for keyword in PHASES)


def _padding(dataset: Dataset, bits: int) -> tuple[int, int] | None:
    """The lowest and the highest stored value that is padding, signed as the pixels are."""
    value = _integer(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _integer(dataset, "PixelPaddingRangeLimit")
    ends = [value] if limit is None else [value, limit]
    if _integer(dataset, "PixelRepresentation") == 1:
        # Some writers store a signed value's bits as an unsigned number.
        ends = [end - (1 << bits) if end >= 1 << (bits - 1) else end for end in ends]
    return min(ends), max(ends)


def _texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = _value(dataset, keyword)
    if value is None:
        return ()
    items = [value] if isinstance(value, str | bytes) or not hasattr(value, "__iter__") else value
    return tuple(" ".join(str(item).split()) for item in items)


def _text(dataset: Dataset, keyword: str) -> str:
    return " ".join(_texts(dataset, keyword)).strip()


def _told(dataset: Dataset, keyword: str) -> str:
    return told_text(_text(dataset, keyword), texts_of(dataset, PATIENT))


def _numbers(dataset: Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    try:
        numbers = np.array([float(item) for item in _texts(dataset, keyword)])
    except ValueError:
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _number(dataset: Dataset, keyword: str) -> float | None:
    numbers = _numbers(dataset, keyword, 1)
    return None if numbers is None else float(numbers[0])


def _integer(dataset: Dataset, keyword: str) -> int | None:
    number = _number(dataset, keyword)
    return None if number is None else int(number)


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # pydicom raises many types for an element whose bytes make no sense
        return None
