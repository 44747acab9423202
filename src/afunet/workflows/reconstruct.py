"""Make surfaces, pieces, their measurements and a picture from any mask."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName
from afunet.anatomy.told_names import told_name
from afunet.findings import Finding, info
from afunet.formats.labelling import Labelling, require_no_negative
from afunet.formats.readers import read_labelling
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh
from afunet.plan import Step
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances
from afunet.report.case.findings import piece_findings
from afunet.report.not_written import NotWritten
from afunet.report.surfaces.preview import PICTURE_TRIANGLES, previews
from afunet.report.surfaces.scene import render_scene
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.attempts import Attempts, WrittenResults
from afunet.workflows.dividing import FRAGMENTS, NAMES, PIECES, SURFACE, Dividing
from afunet.workflows.edit_list import require_unedited
from afunet.workflows.result_files import (
    INSTANCES_DESCRIPTION,
    coloured_pieces,
    piece_results,
    require_piece_formats,
)
from afunet.workflows.scan_of_mask import scan_on_grid
from afunet.workflows.staging import check_writable, staged_folder

INSTANCES, PIECES_JSON, SCENE = "instances.nii.gz", "pieces.json", "scene.png"
READING, WRITING = "reading", "writing"
PLAN = (
    Step(READING, share=0.1),
    Step(SURFACE, share=0.5),
    Step("instances", share=1),
    Step(NAMES, share=0.1),
    Step(FRAGMENTS, share=0.5),
    Step("surfaces of pieces", share=0.8),
    Step(WRITING, share=0.2, seconds=1.5),
)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The surface of all bone in LPS mm, the pieces, the findings, and the files written.

    `mesh` is None if it could not be made; `not_written` lists all missing results.
    """

    mesh: Mesh | None
    instances: Instances
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]
    not_written: tuple[NotWritten, ...] = ()


def reconstruct(
    mask: Path,
    folder: Path,
    formats: Sequence[str] = ("stl",),
    *,
    scan: Path | None = None,
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    watch: Watch = UNWATCHED,
) -> Reconstruction:
    """Write the surfaces, pieces and picture of a label file; any label but 0 is bone.

    `bone.<format>` is all bone; `bones/left-femur.<format>` and so on are the pieces, if there are
    several. `instances.nii.gz` has a label for each piece. `pieces.json` has their measurements,
    the findings about the mask, the files, and what could not be written; the rest is still
    written. `glb` puts all pieces in their colours into `bones.glb`, `seg.nrrd` their labels and
    names into `pieces.seg.nrrd` for 3D Slicer. Surfaces are simplified as `decimated` says. The
    segments of such a file are the pieces if one of them names a bone; other masks are divided.
    With `scan`, the CT of the mask in any format of `read_scan`, fragments that touch are told
    apart, and densities are measured. If the file gives no position in the patient, no piece gets
    a side; without a voxel size no piece gets a name. Raises `InputError` for negative labels and
    for a scan of another place, and `OutputError` if nothing can be written.
    """
    require_piece_formats(formats)
    require_limits(max_triangles, max_error_mm)
    check_writable(folder, "reconstruct")
    require_unedited(folder)
    attempts = Attempts()
    watch.tell(READING, 0, 1)
    read = read_labelling(mask)
    require_no_negative(read.volume, mask.name)
    watch.tell(READING, 1, 1)
    hu, noted = scan_on_grid(read, scan, watch) if scan else (None, ())
    dividing = Dividing(attempts, max_triangles, max_error_mm, watch)
    mesh = dividing.surface(read.volume)
    if told := named_segments(read):
        instances = dividing.told(read.volume, told, hu)
    else:
        instances = dividing.pieces(
            read.volume, hu, spacing_known=read.spacing_known, sides_known=read.sides_known
        )
    none: list[Finding] = []
    taken = (_segments_note(told),) if told else ()
    noticed = attempts.made(PIECES, lambda: piece_findings(instances), none)
    findings = (*read.findings, *taken, *noted, *noticed)
    with staged_folder(folder, "reconstruct") as stage:
        written = WrittenResults(stage, attempts)
        listed = results_of_labelling(read, mesh, instances, formats)
        for done, (what, write) in enumerate(listed):
            watch.check()
            watch.tell(WRITING, done, len(listed))
            written.write(what, write)
        written.write_stacks()
        written.write(PIECES_JSON, partial(write_pieces_table, instances, findings, written))
        written.require_any()
        watch.check()
        watch.tell(WRITING, len(listed), len(listed))
    return Reconstruction(
        mesh,
        instances,
        findings,
        tuple(folder / name for name in written.names),
        tuple(attempts.missing),
    )


def named_segments(read: Labelling) -> dict[int, BoneName]:
    """Return the name of each segment; empty if none is that of a bone, as in other files."""
    names = {segment.label: told_name(segment) for segment in read.segments}
    return names if any(name.bone is not Bone.UNKNOWN for name in names.values()) else {}


def _segments_note(told: dict[int, BoneName]) -> Finding:
    bones = sum(name.bone is not Bone.UNKNOWN for name in told.values())
    message = f"{bones} of {len(told)} segments name a bone"
    return info("SEGMENTS_NAMED", message, "the segments are the pieces")


def results_of_labelling(
    read: Labelling, mesh: Mesh | None, instances: Instances, formats: Sequence[str]
) -> list[tuple[str, Callable[[Path], list[str]]]]:
    """Return all results except the measurements, by the name used if one is missing."""

    def labels(folder: Path) -> list[str]:
        MASK_WRITERS["nifti"].write(instances.labels, folder / INSTANCES, INSTANCES_DESCRIPTION)
        return [INSTANCES]

    def scene(folder: Path) -> list[str]:
        drawn = render_scene(
            previews(coloured_pieces(instances, mesh), PICTURE_TRIANGLES),
            spacing_known=read.spacing_known,
            orientation_known=read.sides_known,
        )
        drawn.image.save(folder / SCENE)
        return [SCENE]

    chosen = [
        (what, partial(write, mesh, instances))
        for kind in dict.fromkeys(formats)
        for what, write in piece_results(kind).items()
    ]
    return [*chosen, (INSTANCES, labels), (SCENE, scene)]


def write_pieces_table(
    instances: Instances, findings: Sequence[Finding], written: WrittenResults, folder: Path
) -> list[str]:
    """Write the measurements, the findings, and the names of all files and missing results."""
    content = {
        "findings": [asdict(finding) for finding in findings],
        "files": [*written.names, PIECES_JSON],
        "not_written": [asdict(missing) for missing in written.attempts.missing],
        "pieces": [piece.to_json() for piece in instances.pieces],
        "cuts": [asdict(cut) for cut in instances.cuts],
        "suspected": [asdict(one.cut) for one in instances.suspected],
    }
    path = folder / PIECES_JSON
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [PIECES_JSON]
