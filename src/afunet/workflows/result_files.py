"""The formats in which a finished case can be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from afunet.anatomy.bones import Bone
from afunet.errors import ConfigError, OutputError
from afunet.extras import require_extra
from afunet.formats.glb import Part, write_glb
from afunet.formats.mesh_files import MESH_WRITERS
from afunet.formats.scan import Scan
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh
from afunet.reconstruction.pieces import Instances
from afunet.report.palette import colour_of
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.workflows.case_results import BONE, CaseResults
from afunet.workflows.slicer_results import SLICER_FORMATS, WRITE_FOR_SLICER

DESCRIPTION = "afunet bone mask"
INSTANCES_DESCRIPTION = "afunet bones and fragments"
CLASSES, CLASS_NAMES, CLASSES_DESCRIPTION = "classes", "classes.json", "afunet classes of bone"
PIECES_FOLDER = "bones"
GLB, GLB_KIND = "bones.glb", "glb"
SURFACE_FORMATS = (*MESH_WRITERS, GLB_KIND)
PIECE_FORMATS = (*SURFACE_FORMATS, *SLICER_FORMATS)
"""The formats that need no more than the surface of all bone and the pieces."""
SEGMENTATION, STRUCTURES = "segmentation.dcm", "structures.dcm"
MEASUREMENTS, DOCUMENT = "measurements.dcm", "report.dcm"
PDF = "pdf"
"""The report as a document; it is made after all other results (`case_writing`)."""
DICOM_RESULTS = {
    "seg": SEGMENTATION,
    "rtstruct": STRUCTURES,
    "sr": MEASUREMENTS,
    PDF: DOCUMENT,
}
"""The file of each format that refers to the images of a scan."""


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


WritePieces = Callable[[Mesh | None, Instances, Path], list[str]]
"""The same for the surface of all bone, if there is one, and the pieces."""


def piece_results(kind: str) -> dict[str, WritePieces]:
    """Return the results of one of `PIECE_FORMATS`, by the name used if one is missing.

    A surface format without colours has all bone in `bone.<kind>`; GLB has all pieces in
    `bones.glb`. If there are several pieces, each has its own surface.
    """
    if kind in SLICER_FORMATS:
        return {SLICER_FORMATS[kind]: WRITE_FOR_SLICER[kind]}

    def bone(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
        return [] if whole is None else write_whole(whole, kind, folder)

    def pieces(whole: Mesh | None, instances: Instances, folder: Path) -> list[str]:
        return write_pieces(instances, kind, folder, whole)

    if kind == GLB_KIND:
        return {GLB: pieces}
    return {f"bone.{kind}": bone, f"{PIECES_FOLDER}/*.{kind}": pieces}


def surface_result(name: str) -> WritePieces:
    """Return what writes a surface result, by the name used if it is missing."""
    return piece_results(name.rpartition(".")[2])[name]


def _pieces(kind: str) -> ResultFormat:
    def of_case(write: WritePieces) -> WriteResult:
        return lambda results, folder: write(results.mesh, results.instances, folder)

    return ResultFormat({name: of_case(write) for name, write in piece_results(kind).items()})


def require_piece_formats(kinds: Collection[str]) -> None:
    """Raise `ConfigError` for no name, or for a name that is not in `PIECE_FORMATS`."""
    unknown = sorted(set(kinds) - set(PIECE_FORMATS))
    if unknown or not kinds:
        raise ConfigError(
            f"unknown format {', '.join(unknown) or 'none'}: choose from {', '.join(PIECE_FORMATS)}"
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
    from afunet.workflows.dicom_results import write_segments

    write_segments(results, folder / SEGMENTATION)
    return [SEGMENTATION]


def _structures(results: CaseResults, folder: Path) -> list[str]:
    from afunet.workflows.dicom_results import write_structures

    write_structures(results, folder / STRUCTURES)
    return [STRUCTURES]


def _measurements(results: CaseResults, folder: Path) -> list[str]:
    from afunet.workflows.dicom_results import write_report

    write_report(results, folder / MEASUREMENTS)
    return [MEASUREMENTS]


def parts_of(pieces: Sequence[ColouredMesh]) -> list[Part]:
    """Return the pieces as parts of a GLB file."""
    return [Part(piece.name, piece.mesh, piece.colour) for piece in pieces]


RESULT_FORMATS: dict[str, ResultFormat] = {
    **{kind: _mask(kind) for kind in MASK_WRITERS},
    **{kind: _pieces(kind) for kind in PIECE_FORMATS},
    "seg": ResultFormat({SEGMENTATION: _segmentation}, needs_dicom=True),
    "rtstruct": ResultFormat({STRUCTURES: _structures}, needs_dicom=True),
    "sr": ResultFormat({MEASUREMENTS: _measurements}, needs_dicom=True),
    PDF: ResultFormat({}, needs_dicom=True),
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
    if "sr" in names and "seg" not in names:
        raise ConfigError(
            "the report sr refers to the segments of seg: ask for both", code="OPTIONS_CLASH"
        )
    if PDF in names:
        require_extra("reportlab")


def require_source_for(names: Collection[str], scan: Scan, *, deidentified: bool = False) -> None:
    """Refuse, before the work, formats that cannot be written for this scan.

    Raises `ConfigError` if a format needs a scan read from DICOM and this one was not, and
    `OutputError` if no format is left because DICOM results cannot refer to the images.
    """
    needing = [name for name in set(names) if RESULT_FORMATS[name].needs_dicom]
    try:
        if needing:
            from afunet.formats.dicom.result import result_planes

            result_planes(scan, deidentified=deidentified)
    except OutputError:
        if len(needing) == len(set(names)):
            raise
