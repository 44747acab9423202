"""The configuration of a simulated leg, as plain values."""

from afunet.phantom.config.bones import (
    Anatomy,
    BoneQuality,
    Implant,
    ImplantKind,
    Pose,
    Source,
)
from afunet.phantom.config.fracture import Fracture, FracturePattern, Wound
from afunet.phantom.config.grid import Grid, axial_grid, grid_of
from afunet.phantom.config.joint_tissue import JointSpace, JointTissue, JointTissueKind
from afunet.phantom.config.leg import LegConfig
from afunet.phantom.config.setting import Cast, Scanner, Surroundings, TableKind
from afunet.phantom.config.tissue import Angiogram, Clutter, Girth, Organs, SoftTissue

__all__ = [
    "Anatomy",
    "Angiogram",
    "BoneQuality",
    "Cast",
    "Clutter",
    "Fracture",
    "FracturePattern",
    "Girth",
    "Grid",
    "Implant",
    "ImplantKind",
    "JointSpace",
    "JointTissue",
    "JointTissueKind",
    "LegConfig",
    "Organs",
    "Pose",
    "Scanner",
    "SoftTissue",
    "Source",
    "Surroundings",
    "TableKind",
    "Wound",
    "axial_grid",
    "grid_of",
]
