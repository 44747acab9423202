"""The results of a case for 3D Slicer: pieces as named segments, and their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afunet.anatomy.bones import Bone, Side
from afunet.formats.colour_table import write_colour_table
from afunet.formats.seg_nrrd import SUFFIX, write_seg_nrrd
from afunet.formats.segments import LEFT, RIGHT, Code, Segment
from afunet.geometry import Mesh, Volume
from afunet.geometry.labels import label_sizes
from afunet.reconstruction.pieces import Instances, Piece
from afunet.report.palette import colour_of
from afunet.workflows.case_results import BONE

SLICER_FORMATS = {"seg.nrrd": f"pieces{SUFFIX}", "ctbl": "pieces.ctbl"}
"""The result of each format."""
REST = "other bone"
SIDES = {Side.LEFT: LEFT, Side.RIGHT: RIGHT}


def write_segments(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
    """Write the pieces as segments that 3D Slicer opens by name."""
    name = SLICER_FORMATS["seg.nrrd"]
    labels, segments = segments_of(instances)
    write_seg_nrrd(labels, segments, folder / name)
    return [name]


def write_colours(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
    """Write the names and colours of the labels."""
    name = SLICER_FORMATS["ctbl"]
    write_colour_table(segments_of(instances)[1], folder / name)
    return [name]


WRITE_FOR_SLICER = {"seg.nrrd": write_segments, "ctbl": write_colours}


def segments_of(instances: Instances) -> tuple[Volume, tuple[Segment, ...]]:
    """Return the labels of the pieces, as in `instances.nii.gz`, and a segment for each.

    Bone that was not measured, as among very many specks, is one segment with the next label.
    """
    labels, segments = instances.labels, tuple(map(_segment, instances.pieces))
    if not instances.not_measured:
        return labels, segments
    rest = 1 + max((segment.label for segment in segments), default=0)
    number = np.full(len(label_sizes(labels.voxels)), rest, dtype=np.min_scalar_type(rest))
    for label in (0, *(segment.label for segment in segments)):
        number[label] = label
    unnamed = Bone.UNKNOWN
    name = REST if segments else BONE
    more = Segment(rest, name, _code(unnamed), None, colour_of(unnamed, len(segments) + 1))
    return labels.with_voxels(number[labels.voxels]), (*segments, more)


def _segment(piece: Piece) -> Segment:
    bone, side = piece.bone.bone, piece.bone.side
    return Segment(
        piece.measures.label,
        piece.name,
        _code(bone),
        None if side is None else SIDES[side],
        colour_of(bone, piece.rank, side),
    )


def _code(bone: Bone) -> Code:
    return Code("SCT", *bone.row.snomed)
