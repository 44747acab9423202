"""How a DICOM Segmentation stores its voxels."""

from enum import StrEnum


class SegmentationKind(StrEnum):
    """How voxels are stored: one bit a segment, a share in 255 parts, or one label map."""

    BINARY = "binary"
    FRACTIONAL = "fractional"
    LABELMAP = "labelmap"
