"""Read the frames of an enhanced multi-frame CT image as single images.

What single images store at their top level is in functional groups here, shared by all frames or
given for each frame (PS3.3 C.7.6.16 and A.38).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from afunet.errors import InputError
from afunet.formats.dicom.elements import count
from afunet.formats.dicom.header import Encoding, Header, header_of

# The elements of each functional group that a `Header` uses.
GROUPS: dict[str, tuple[str, ...]] = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameContentSequence": ("TemporalPositionIndex", "FrameAcquisitionNumber", "StackID"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel",),
}
RENAMED = {
    "FrameType": "ImageType",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
}
DIMENSIONS = "DimensionIndexSequence"
OF_SPACE = tuple(
    tag_for_keyword(keyword)
    for keyword in (
        "StackID",
        "InStackPositionNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PlanePositionSequence",
    )
)
PER_FRAME = "PerFrameFunctionalGroupsSequence"
SHARED = "SharedFunctionalGroupsSequence"


def is_enhanced(dataset: Dataset) -> bool:
    """Whether functional groups hold the positions of the frames."""
    return PER_FRAME in dataset


def frame_headers(dataset: Dataset, path: Path, encoding: Encoding) -> tuple[Header, ...]:
    """Return a header for each frame in stored order; `InputError` if the numbers differ."""
    frames = list(dataset.get(PER_FRAME) or ())
    declared = int(dataset.get("NumberOfFrames") or 1)
    if len(frames) != declared:
        raise InputError(
            f"the multi-frame image {path.name} declares {declared} frames but describes "
            f"{len(frames)}: copy it again",
            code="CUT_FILE",
        )
    shared = list(dataset.get(SHARED) or ())[:1]
    # How many frames come before, in other files of the concatenation (PS3.3 C.7.6.16.1).
    before = count(dataset, "ConcatenationFrameOffsetNumber")
    other = _dimensions_not_of_space(dataset)
    top_level = Dataset()
    for element in dataset:
        if element.VR != "SQ":
            top_level.add(element)
    top_level.NumberOfFrames = 1
    headers = []
    for index, frame in enumerate(frames):
        plain = Dataset()  # a new one for each frame, so that nothing is left of the frame before
        plain.update(top_level)
        for group in (*shared, frame):
            _take(group, plain)
        plain.InstanceNumber = before + index + 1
        header = header_of(plain, path, encoding, frame=index)
        phase = (*header.phase, _other_dimensions(frame, other))
        headers.append(replace(header, phase=phase))
    return tuple(headers)


def _dimensions_not_of_space(dataset: Dataset) -> tuple[int, ...]:
    """The dimension indices that count phases, contrasts or energies (PS3.3 C.7.6.17)."""
    pointers = [item.get("DimensionIndexPointer") for item in dataset.get(DIMENSIONS) or ()]
    return tuple(at for at, pointer in enumerate(pointers) if pointer not in OF_SPACE)


def _other_dimensions(frame: Dataset, which: tuple[int, ...]) -> str:
    content = list(frame.get("FrameContentSequence") or ())[:1]
    values = content[0].get("DimensionIndexValues") if content else None
    values = [values] if isinstance(values, int) else list(values or ())
    return " ".join(str(values[at]) for at in which if at < len(values))


def _take(group: Dataset, plain: Dataset) -> None:
    for sequence, keywords in GROUPS.items():
        for item in list(group.get(sequence) or ())[:1]:
            for keyword in keywords:
                if keyword in item:
                    setattr(plain, RENAMED.get(keyword, keyword), item[keyword].value)
