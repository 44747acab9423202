"""The formats in which a finished case can be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.sr.coding import Code

from afunet.anatomy.bones import Bone, Side
from afunet.anatomy.names import UNKNOWN, BoneName
from afunet.errors import ConfigError, OutputError
from afunet.formats.dicom.result import (
    LEFT,
    RIGHT,
    Algorithm,
    ResultPlanes,
    Segment,
    Structure,
    result_planes,
)
from afunet.formats.dicom.rtstruct import write_rtstruct
from afunet.formats.dicom.segmentation import SegmentationKind, write_segmentation
from afunet.formats.glb import Part, write_glb
from afunet.formats.mesh_files import MESH_WRITERS
from afunet.formats.scan import Scan
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.pieces import Instances
from afunet.report.palette import colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh

DESCRIPTION = "afunet bone mask"
INSTANCES_DESCRIPTION = "afunet bones and fragments"
CLASSES, CLASS_NAMES, CLASSES_DESCRIPTION = "classes", "classes.json", "afunet classes of bone"
PIECES_FOLDER = "bones"
GLB, GLB_KIND = "bones.glb", "glb"
SURFACE_FORMATS = (*MESH_WRITERS, GLB_KIND)
BONE = "bone"
SEGMENTATION, STRUCTURES = "segmentation.dcm", "structures.dcm"


@dataclass(frozen=True, eq=False)
class CaseResults:
    """What was found in a scan; `mesh` is None if there is no surface of all bone.

    `probability`, if kept, holds 0 to 255 on the mask's grid. `classes` holds the class of each
    voxel of the mask, numbered from 1 in the order of `class_names`; it is None for bone alone.
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


WriteResult = Callable[[CaseResults, Path], list[str]]
"""A function that writes one result into a folder and returns the names of its files."""


@dataclass(frozen=True)
class ResultFormat:
    """The results of a format by the name used if one is missing; masks come first."""

    results: Mapping[str, WriteResult]
    needs_dicom: bool = False


def _mask(kind: str) -> ResultFormat:
    writer = MASK_WRITERS[kind]

    def mask(results: CaseResults, folder: Path) -> list[str]:
        name = f"mask{writer.suffix}"
        writer.write(results.mask, folder / name, DESCRIPTION)
        return [name]

    def instances(results: CaseResults, folder: Path) -> list[str]:
        name = f"instances{writer.suffix}"
        writer.write(results.instances.labels, folder / name, INSTANCES_DESCRIPTION)
        return [name]

    def classes(results: CaseResults, folder: Path) -> list[str]:
        if results.classes is None:
            return []
        name = f"{CLASSES}{writer.suffix}"
        writer.write(results.classes, folder / name, CLASSES_DESCRIPTION)
        names = {str(number): name for number, name in enumerate(results.class_names, start=1)}
        (folder / CLASS_NAMES).write_text(json.dumps(names, indent=2), encoding="utf-8")
        return [name, CLASS_NAMES]

    made = {"mask": mask, "instances": instances, CLASSES: classes}
    return ResultFormat({f"{name}{writer.suffix}": write for name, write in made.items()})


WriteSurfaces = Callable[[Mesh | None, Instances, Path], list[str]]
"""The same for surfaces: of all bone, if there is one, and of the pieces."""


def surface_results(kind: str) -> dict[str, WriteSurfaces]:
    """Return the results of a surface format, by the name used if one is missing.

    A format without colours has all bone in `bone.<kind>`; GLB has all pieces in `bones.glb`. If
    there are several pieces, each has its own file.
    """

    def bone(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
        return [] if whole is None else write_whole(whole, kind, folder)

    def pieces(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
        return write_pieces(instances, kind, folder, whole)

    if kind == GLB_KIND:
        return {GLB: pieces}
    return {f"bone.{kind}": bone, f"{PIECES_FOLDER}/*.{kind}": pieces}


def _surfaces(kind: str) -> ResultFormat:
    def of_case(write: WriteSurfaces) -> WriteResult:
        return lambda results, folder: write(results.mesh, results.instances, folder)

    return ResultFormat({name: of_case(write) for name, write in surface_results(kind).items()})


def require_surface_formats(kinds: Collection[str]) -> None:
    """Raise `ConfigError` for no name, or for a name that is not in `SURFACE_FORMATS`."""
    unknown = sorted(set(kinds) - set(SURFACE_FORMATS))
    if unknown or not kinds:
        raise ConfigError(
            f"unknown surface format {', '.join(unknown) or 'none'}: choose from "
            f"{', '.join(SURFACE_FORMATS)}"
        )


def write_whole(whole: Mesh, kind: str, folder: Path) -> list[str]:
    """Write the surface of all bone."""
    name = f"bone.{kind}"
    MESH_WRITERS[kind](whole, folder / name)
    return [name]


def write_pieces(
    instances: Instances, kind: str, folder: Path, whole: Mesh | None = None
) -> list[str]:
    """Write each piece if there are several, and in GLB all pieces together."""
    parts = parts_of(coloured_pieces(instances, whole))
    names = []
    if kind == GLB_KIND:
        names.append(GLB)
        write_glb(parts, folder / GLB)
    for part in parts if len(parts) > 1 else []:
        name = f"{PIECES_FOLDER}/{part.name.replace(' ', '-')}.{kind}"
        if kind == GLB_KIND:
            write_glb([part], folder / name)
        else:
            MESH_WRITERS[kind](part.mesh, folder / name)
        names.append(name)
    return names


def coloured_pieces(instances: Instances, whole: Mesh | None = None) -> list[ColouredMesh]:
    """Return the pieces with their names and colours, as pictures show them.

    `whole` takes their place if bone was not divided into pieces.
    """
    if not instances.pieces and whole is not None and not whole.is_empty:
        return [ColouredMesh(whole, BONE, colour_of(Bone.UNKNOWN))]
    return [
        ColouredMesh(mesh, piece.name, colour_of(piece.bone.bone, piece.rank, piece.bone.side))
        for piece, mesh in zip(instances.pieces, instances.surfaces, strict=True)
    ]


def _segmentation(results: CaseResults, folder: Path) -> list[str]:
    placed = result_planes(results.scan, deidentified=results.deidentified)
    write_segmentation(
        _segments(results, placed),
        placed,
        results.algorithm,
        folder / SEGMENTATION,
        results.segmentation_kind,
        deidentified=results.deidentified,
    )
    return [SEGMENTATION]


def _structures(results: CaseResults, folder: Path) -> list[str]:
    placed = result_planes(results.scan, deidentified=results.deidentified)
    write_rtstruct(
        _segments(results, placed),
        placed,
        results.algorithm,
        folder / STRUCTURES,
        deidentified=results.deidentified,
    )
    return [STRUCTURES]


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
        number[len(instances.pieces) + 1 :] = structures.index(unnamed) + 1
    labels = instances.labels
    return labels.with_voxels(number[labels.voxels]), structures or [unnamed]


def _structure(name: BoneName) -> Structure:
    code, meaning = name.bone.row.snomed
    title = BONE if name.bone is Bone.UNKNOWN else str(name)
    side = None if name.side is None else {Side.LEFT: LEFT, Side.RIGHT: RIGHT}[name.side]
    colour = colour_of(name.bone, 1, name.side)
    return Structure(title, Code(code, "SCT", meaning), side, colour)


def parts_of(pieces: Sequence[ColouredMesh]) -> list[Part]:
    """Return the pieces as parts of a GLB file."""
    return [Part(piece.name, piece.mesh, piece.colour) for piece in pieces]


RESULT_FORMATS: dict[str, ResultFormat] = {
    **{kind: _mask(kind) for kind in MASK_WRITERS},
    **{kind: _surfaces(kind) for kind in SURFACE_FORMATS},
    "seg": ResultFormat({SEGMENTATION: _segmentation}, needs_dicom=True),
    "rtstruct": ResultFormat({STRUCTURES: _structures}, needs_dicom=True),
}


def results_of(formats: Collection[str]) -> list[tuple[str, WriteResult]]:
    """Return everything to write, masks first."""
    listed = [
        item for kind in dict.fromkeys(formats) for item in RESULT_FORMATS[kind].results.items()
    ]
    return sorted(listed, key=lambda item: not item[0].startswith("mask"))


def require_formats(names: Collection[str]) -> None:
    """Raise `ConfigError` for a name that is not in `RESULT_FORMATS`."""
    if isinstance(names, str) or not isinstance(names, Collection):
        raise ConfigError(f"formats are {names!r}, expected several names: give a tuple of them")
    unknown = sorted({str(name) for name in names} - set(RESULT_FORMATS))
    if unknown:
        raise ConfigError(
            f"unknown format {', '.join(unknown)}: choose from {', '.join(RESULT_FORMATS)}"
        )


def require_source_for(names: Collection[str], scan: Scan, *, deidentified: bool = False) -> None:
    """Refuse, before the work, formats that cannot be written for this scan.

    Raises `ConfigError` if a format needs a scan read from DICOM and this one was not, and
    `OutputError` if no format is left because DICOM results cannot refer to the images.
    """
    needing = [name for name in set(names) if RESULT_FORMATS[name].needs_dicom]
    try:
        if needing:
            result_planes(scan, deidentified=deidentified)
    except OutputError:
        if len(needing) == len(set(names)):
            raise
