"""How a DICOM Segmentation stores its voxels."""

from enum import StrEnum


class SegmentationKind(StrEnum):
    """How voxels are stored: one bit per segment, a share in 255 steps, or one label map."""

    BINARY = "binary"
    FRACTIONAL = "fractional"
    LABELMAP = "labelmap"
