"""Volumes, label maps and meshes in patient millimetres (LPS)."""

from afunet.geometry.box import Box, bounding_box, box_round, box_within, common_box, label_boxes
from afunet.geometry.labels import BACKGROUND, LabelMap
from afunet.geometry.mesh import Mesh
from afunet.geometry.planes import ImagePlane, mask_on_planes, planes_of, shares_on_planes
from afunet.geometry.volume import Volume

__all__ = [
    "BACKGROUND",
    "Box",
    "ImagePlane",
    "LabelMap",
    "Mesh",
    "Volume",
    "bounding_box",
    "box_round",
    "box_within",
    "common_box",
    "label_boxes",
    "mask_on_planes",
    "planes_of",
    "shares_on_planes",
]
