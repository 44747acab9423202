"""A stack as one enhanced multi-frame CT image (PS3.3 A.38)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian

from .encoding import put_pixels
from .files import (
    FRAME_UID,
    SERIES_UID,
    SliceFile,
    common_elements,
    decimals,
    described,
    pixel_elements,
    save,
    with_elements,
)
from .planes import STEP_MM

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
# What the dimension index values count, and what slices may say of themselves as frames.
DIMENSIONS = ("StackID", "InStackPositionNumber", "NominalPercentageOfCardiacPhase")
OF_A_FRAME = ("StackID", "TemporalPositionIndex")
assert EnhancedCTImageStorage == ENHANCED_CT


def write_enhanced(
    path: Path, frames: Sequence[SliceFile], syntax: str = ExplicitVRLittleEndian
) -> None:
    """Write slices as the frames of one image, in the order given.

    What is the same for all is in the shared functional groups; where the rescale differs between
    frames, it is in the groups of each frame.
    """
    first = frames[0]
    field = first.plane.field
    dataset = described(
        {
            **common_elements(),
            "SOPClassUID": EnhancedCTImageStorage,
            "SOPInstanceUID": f"{SERIES_UID}.1",
            "SeriesInstanceUID": SERIES_UID,
            "FrameOfReferenceUID": FRAME_UID,
            "Modality": "CT",
            "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            "InstanceNumber": 1,
            "NumberOfFrames": len(frames),
            "PresentationLUTShape": "IDENTITY",
            "VolumetricProperties": "VOLUME",
            "ContentQualification": "RESEARCH",
            "BurnedInAnnotation": "NO",
            **pixel_elements(field.rows, field.columns, first.stored),
        }
    )
    one_rescale = len({(file.stored.slope, file.stored.intercept) for file in frames}) == 1
    dataset.DimensionIndexSequence = Items(
        with_elements(Dataset(), {"DimensionIndexPointer": tag_for_keyword(keyword)})
        for keyword in DIMENSIONS
    )
    dataset.SharedFunctionalGroupsSequence = Items([_shared_groups(first, one_rescale)])
    dataset.PerFrameFunctionalGroupsSequence = Items(
        _frame_groups(file, index, one_rescale) for index, file in enumerate(frames, start=1)
    )
    stored = [file.stored.of(file.change_hu(file.plane.hu())) for file in frames]
    put_pixels(dataset, np.stack(stored), syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(dataset, path)


def _shared_groups(first: SliceFile, one_rescale: bool) -> Dataset:
    field = first.plane.field
    groups = Dataset()
    groups.PixelMeasuresSequence = _item(
        PixelSpacing=decimals((field.between_rows_mm, field.between_columns_mm)),
        SliceThickness=STEP_MM,
    )
    groups.PlaneOrientationSequence = _item(
        ImageOrientationPatient=decimals((*first.plane.row, *first.plane.column))
    )
    groups.FrameAnatomySequence = _item(FrameLaterality="L")
    groups.CTImageFrameTypeSequence = _item(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    if one_rescale:
        groups.PixelValueTransformationSequence = _rescale(first)
    return groups


def _frame_groups(file: SliceFile, index: int, one_rescale: bool) -> Dataset:
    groups = Dataset()
    own = {name: file.elements[name] for name in OF_A_FRAME if name in file.elements}
    groups.FrameContentSequence = _item(
        **{
            "FrameAcquisitionNumber": 1,
            "StackID": "1",
            "InStackPositionNumber": file.number,
            "DimensionIndexValues": [1, index, file.elements.get("DimensionIndex", 1)],
            **own,
        }
    )
    groups.PlanePositionSequence = _item(ImagePositionPatient=decimals(file.plane.origin_mm))
    if not one_rescale:
        groups.PixelValueTransformationSequence = _rescale(file)
    return groups


def _rescale(file: SliceFile) -> Items:
    return _item(
        RescaleSlope=file.stored.slope, RescaleIntercept=file.stored.intercept, RescaleType="HU"
    )


def _item(**elements: Any) -> Items:
    return Items([with_elements(Dataset(), elements)])
