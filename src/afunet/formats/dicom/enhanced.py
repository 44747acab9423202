"""The frames of an enhanced multi-frame CT image as if each were an image of its own.

What single images say at their top level stands in functional groups here, shared by all frames
or given for each (PS3.3 C.7.6.16 and A.38).
"""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from afunet.errors import InputError
from afunet.formats.dicom.header import Encoding, Header, header_of

# Of each functional group, the elements that a `Header` is made of.
GROUPS: dict[str, tuple[str, ...]] = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameContentSequence": ("TemporalPositionIndex", "FrameAcquisitionNumber"),
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel",),
}
RENAMED = {
    "FrameType": "ImageType",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
}
PER_FRAME = "PerFrameFunctionalGroupsSequence"
SHARED = "SharedFunctionalGroupsSequence"


def is_enhanced(dataset: Dataset) -> bool:
    """Whether the frames' places stand in functional groups."""
    return PER_FRAME in dataset


def frame_headers(dataset: Dataset, path: Path, encoding: Encoding) -> tuple[Header, ...]:
    """One header a frame, in the order stored; `InputError` where frames and groups differ."""
    frames = list(dataset.get(PER_FRAME) or ())
    declared = int(dataset.get("NumberOfFrames") or 1)
    if len(frames) != declared:
        raise InputError(
            f"the multi-frame image {path.name} declares {declared} frames and describes "
            f"{len(frames)}: copy it again",
            code="CUT_FILE",
        )
    shared = list(dataset.get(SHARED) or ())[:1]
    top_level = Dataset()
    for element in dataset:
        if element.VR != "SQ":
            top_level.add(element)
    headers = []
    for index, frame in enumerate(frames):
        plain = Dataset()  # a new one each: what a frame does not say is not its neighbour's
        plain.update(top_level)
        for group in (*shared, frame):
            _take(group, plain)
        plain.InstanceNumber = index + 1
        headers.append(header_of(plain, path, encoding, frame=index))
    return tuple(headers)


def _take(group: Dataset, plain: Dataset) -> None:
    for sequence, keywords in GROUPS.items():
        for item in list(group.get(sequence) or ())[:1]:
            for keyword in keywords:
                if keyword in item:
                    setattr(plain, RENAMED.get(keyword, keyword), item[keyword].value)
