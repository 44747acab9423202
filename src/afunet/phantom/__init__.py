"""Simulated leg CTs with exact labels."""

from afunet.phantom.config import (
    Anatomy,
    Angiogram,
    BoneQuality,
    Cast,
    Clutter,
    Fracture,
    Girth,
    Grid,
    Implant,
    ImplantKind,
    JointSpace,
    JointTissue,
    JointTissueKind,
    LegConfig,
    Organs,
    Pose,
    Scanner,
    SoftTissue,
    Source,
    Surroundings,
    TableKind,
    axial_grid,
    grid_of,
)
from afunet.phantom.dicom import write_dicom_series
from afunet.phantom.drawing.legs import draw_leg
from afunet.phantom.drawing.regions import Region
from afunet.phantom.drawing.slices import TrainingSlice, training_slices
from afunet.phantom.picture.simulate import (
    SimulatedLeg,
    exact_joint_tissue,
    exact_labels,
    simulate,
)
from afunet.phantom.skeleton.mesh_bones import load_bones, load_limb
from afunet.phantom.version import SIMULATOR, VERSION

__all__ = [
    "SIMULATOR",
    "VERSION",
    "Anatomy",
    "Angiogram",
    "BoneQuality",
    "Cast",
    "Clutter",
    "Fracture",
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
    "Region",
    "Scanner",
    "SimulatedLeg",
    "SoftTissue",
    "Source",
    "Surroundings",
    "TableKind",
    "TrainingSlice",
    "axial_grid",
    "draw_leg",
    "exact_joint_tissue",
    "exact_labels",
    "grid_of",
    "load_bones",
    "load_limb",
    "simulate",
    "training_slices",
    "write_dicom_series",
]
