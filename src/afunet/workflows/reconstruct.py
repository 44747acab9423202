"""From a mask made anywhere to surfaces, pieces, their measures and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from afunet.formats.findings import Finding
from afunet.formats.labelling import require_no_negative
from afunet.formats.readers import read_labelling
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh
from afunet.inference.naming import bone_namer
from afunet.progress import CancelToken, Progress, silent
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, find_pieces
from afunet.reconstruction.surface import surface
from afunet.report.scene import render_scene
from afunet.workflows.case_report import piece_facts, piece_findings
from afunet.workflows.result_files import (
    INSTANCES_DESCRIPTION,
    coloured_pieces,
    require_surface_formats,
    write_surfaces,
)
from afunet.workflows.staging import check_writable, staged_folder

INSTANCES, PIECES, SCENE = "instances.nii.gz", "pieces.json", "scene.png"


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The whole surface in LPS mm, the pieces, what was noticed, and the files written."""

    mesh: Mesh
    instances: Instances
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def reconstruct(
    mask: Path,
    folder: Path,
    mesh_formats: Sequence[str] = ("stl",),
    *,
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Reconstruction:
    """Write the surfaces, pieces and picture of a label file; any label but 0 is bone.

    `bone.<format>` is the whole, `bones/left-femur.<format>` and so on are the pieces where there
    are several, `instances.nii.gz` has a label for each, and `pieces.json` their measures, what
    was noticed about the mask, and the files. `glb` puts all pieces in their colours into
    `bones.glb`. Surfaces are simplified as `decimated` says. Where the file does not say how it
    lies in the patient no piece has a side; without a voxel size none has a name. Raises
    `InputError` for negative labels.
    """
    require_surface_formats(mesh_formats)
    require_limits(max_triangles, max_error_mm)
    check_writable(folder, "reconstruct")
    read = read_labelling(mask)
    labels = read.volume
    require_no_negative(labels, mask.name)
    mesh = surface(
        labels,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        progress=progress,
        cancel=cancel,
    )
    instances = find_pieces(
        labels,
        namer=bone_namer(sides_known=read.sides_known) if read.spacing_known else None,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        progress=progress,
        cancel=cancel,
    )
    findings = (*read.findings, *piece_findings(instances))
    with staged_folder(folder, "reconstruct") as stage:
        names = [
            name for kind in mesh_formats for name in write_surfaces(mesh, instances, kind, stage)
        ]
        MASK_WRITERS["nifti"].write(instances.labels, stage / INSTANCES, INSTANCES_DESCRIPTION)
        names += [INSTANCES, PIECES, SCENE]
        _write_pieces(stage / PIECES, instances, findings, names)
        scene = render_scene(
            coloured_pieces(instances),
            spacing_known=read.spacing_known,
            orientation_known=read.sides_known,
        )
        scene.image.save(stage / SCENE, optimize=True)
        if cancel is not None:
            cancel.check()
    return Reconstruction(mesh, instances, findings, tuple(folder / name for name in names))


def _write_pieces(
    path: Path, instances: Instances, findings: Sequence[Finding], names: Sequence[str]
) -> None:
    content = {
        "findings": [asdict(finding) for finding in findings],
        "files": list(names),
        "pieces": [asdict(piece) for piece in piece_facts(instances)],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
