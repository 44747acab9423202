"""What was found in a scan, as the result formats write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from afunet.formats.dicom.algorithm import Algorithm
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances

BONE = "bone"
"""The name of all bone together."""


@dataclass(frozen=True, eq=False)
class CaseResults:
    """What was found in a scan; `mesh` is None if there is no surface of all bone.

    `probability`, if kept, holds 0 to 255 on the mask's grid. `classes` holds the class of each
    voxel of the mask, numbered from 1 in the order of `class_names`; it is None for bone alone.
    DICOM results of one `identity` refer to each other, and have the same UIDs in every run.
    `flags` are codes, each with the label of its piece or None.
    """

    scan: Scan
    mask: Volume
    mesh: Mesh | None
    instances: Instances
    algorithm: Algorithm
    probability: Volume | None = None
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentified: bool = False
    classes: Volume | None = None
    class_names: tuple[str, ...] = ()
    identity: str = field(default_factory=lambda: uuid4().hex)
    flags: tuple[tuple[str, int | None], ...] = ()
