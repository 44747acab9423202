"""The DICOM results of a case: a Segmentation and an RT Structure Set of its bones.

Importing this takes longer than reading a scan, because highdicom brings all codes of DICOM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.sr.coding import Code

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.formats.dicom.measurement_report import BoneMeasures, write_measurement_report
from afunet.formats.dicom.result import (
    LEFT,
    RIGHT,
    ResultPlanes,
    Segment,
    Structure,
    result_planes,
)
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import write_segmentation
from afunet.geometry import Volume
from afunet.reconstruction.pieces import Instances, Piece
from afunet.report.palette import colour_of
from afunet.workflows.case_results import BONE, CaseResults


def write_segments(results: CaseResults, path: Path) -> None:
    """Write a DICOM Segmentation; `OutputError` if that is impossible."""
    placed = result_planes(results.scan, deidentified=results.deidentified)
    write_segmentation(
        _segments(results, placed),
        placed,
        results.algorithm,
        path,
        results.segmentation_kind,
        deidentified=results.deidentified,
        identity=results.identity,
    )


def write_structures(results: CaseResults, path: Path) -> None:
    """Write an RT Structure Set; `OutputError` if that is impossible."""
    placed = result_planes(results.scan, deidentified=results.deidentified)
    write_rtstruct(
        _segments(results, placed),
        placed,
        results.algorithm,
        path,
        deidentified=results.deidentified,
        identity=results.identity,
    )


def write_report(results: CaseResults, path: Path) -> None:
    """Write the bones' measures as a Structured Report; `OutputError` if that is impossible."""
    placed = result_planes(results.scan, deidentified=results.deidentified)
    pieces_of = _pieces_by_segment(results)
    write_measurement_report(
        [
            _measures(structure, number, pieces, results)
            for number, (structure, pieces) in enumerate(pieces_of.items(), 1)
            if pieces
        ],
        placed,
        results.algorithm,
        path,
        results.identity,
        kind=results.segmentation_kind,
        flags=[code for code, piece in results.flags if piece is None],
        deidentified=results.deidentified,
    )


def _pieces_by_segment(results: CaseResults) -> dict[Structure, list[Piece]]:
    """Return the pieces of each segment of `_segments`, in the order of their numbers."""
    if results.probability is not None:
        return {_structure(UNKNOWN): list(results.instances.pieces)}
    _, structures = bones_of(results.instances)
    found: dict[Structure, list[Piece]] = {one: [] for one in structures}
    for piece in results.instances.pieces:
        found[_structure(piece.bone)].append(piece)
    return found


def _measures(
    structure: Structure, number: int, pieces: Sequence[Piece], results: CaseResults
) -> BoneMeasures:
    """Return the measures of a bone of several pieces; its length is known if there is only one."""
    volumes = [piece.measures.volume_mm3 for piece in pieces]
    known = [piece.measures.mean_hu for piece in pieces if piece.measures.mean_hu is not None]
    labels = {piece.measures.label for piece in pieces}
    return BoneMeasures(
        structure,
        number,
        sum(volumes),
        pieces[0].measures.length_mm if len(pieces) == 1 else None,
        float(np.average(known, weights=volumes)) if len(known) == len(pieces) else None,
        tuple(code for code, piece in results.flags if piece in labels),
    )


def _segments(results: CaseResults, placed: ResultPlanes) -> list[Segment]:
    """Return a segment for each named bone with its fragments, and one for bone without a name.

    If probabilities are kept, there is one segment of all bone.
    """
    if results.probability is not None:
        segment = placed.segment(BONE, results.mask, probability=results.probability)
        return [replace(segment, structure=_structure(UNKNOWN))]
    labels, structures = bones_of(results.instances)
    return placed.segments(structures, labels)


def bones_of(instances: Instances) -> tuple[Volume, list[Structure]]:
    """Return labels 1, 2, … of whole bones, the one with the largest piece first, and names."""
    structures: list[Structure] = []
    number = np.zeros(int(instances.labels.voxels.max()) + 1, dtype=np.uint8)
    for piece in instances.pieces:
        structure = _structure(piece.bone)
        if structure not in structures:
            structures.append(structure)
        number[piece.measures.label] = structures.index(structure) + 1
    unnamed = _structure(UNKNOWN)
    if instances.not_measured and unnamed not in structures:
        structures.append(unnamed)
    if instances.not_measured:
        number[1:][number[1:] == 0] = structures.index(unnamed) + 1
    labels = instances.labels
    return labels.with_voxels(number[labels.voxels]), structures or [unnamed]


def _structure(name: BoneName) -> Structure:
    code, meaning = name.bone.row.snomed
    title = BONE if name.bone is Bone.UNKNOWN else str(name)
    side = None if name.side is None else {Side.LEFT: LEFT, Side.RIGHT: RIGHT}[name.side]
    colour = colour_of(name.bone, 1, name.side)
    return Structure(title, Code(code, "SCT", meaning), side, colour)
