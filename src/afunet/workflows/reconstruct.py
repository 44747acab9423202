"""From a mask made anywhere to surfaces, pieces, their measures and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from afunet.formats.readers import read_labels
from afunet.formats.writers import MASK_WRITERS
from afunet.geometry import Mesh
from afunet.inference.naming import bone_namer
from afunet.progress import CancelToken, Progress, silent
from afunet.reconstruction.decimation import require_limits
from afunet.reconstruction.pieces import Instances, find_pieces
from afunet.reconstruction.surface import surface
from afunet.report.scene import render_scene
from afunet.workflows.case_report import piece_facts
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
    """The whole surface in LPS mm, the pieces, and the files they were written to."""

    mesh: Mesh
    instances: Instances
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
    are several, `instances.nii.gz` has a label for each and `pieces.json` their measures. `glb`
    puts all pieces in their colours into `bones.glb`. Surfaces are simplified as `decimated` says.
    """
    require_surface_formats(mesh_formats)
    require_limits(max_triangles, max_error_mm)
    check_writable(folder)
    labels = read_labels(mask)
    mesh = surface(
        labels,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        progress=progress,
        cancel=cancel,
    )
    instances = find_pieces(
        labels,
        namer=bone_namer(),
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        progress=progress,
        cancel=cancel,
    )
    with staged_folder(folder) as stage:
        names = [
            name for kind in mesh_formats for name in write_surfaces(mesh, instances, kind, stage)
        ]
        MASK_WRITERS["nifti"].write(instances.labels, stage / INSTANCES, INSTANCES_DESCRIPTION)
        facts = [asdict(piece) for piece in piece_facts(instances)]
        (stage / PIECES).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        render_scene(coloured_pieces(instances)).image.save(stage / SCENE, optimize=True)
        if cancel is not None:
            cancel.check()
    names += [INSTANCES, PIECES, SCENE]
    return Reconstruction(mesh, instances, tuple(folder / name for name in names))
