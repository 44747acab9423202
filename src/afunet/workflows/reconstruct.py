"""From a mask made anywhere to surfaces and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afunet.formats.mesh_files import MESH_WRITERS, require_mesh_formats
from afunet.formats.readers import read_labels
from afunet.geometry import Mesh
from afunet.progress import CancelToken, Progress, silent
from afunet.reconstruction.surface import surface
from afunet.report.coloured_mesh import ColouredMesh
from afunet.report.scene import render_scene
from afunet.workflows.staging import check_writable, staged_folder


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """The surface in LPS mm and the files it was written to."""

    mesh: Mesh
    files: tuple[Path, ...]


def reconstruct(
    mask: Path,
    folder: Path,
    mesh_formats: tuple[str, ...] = ("stl",),
    *,
    max_triangles: int | None = None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Reconstruction:
    """Write `bone.<format>` and `scene.png` of a label file; any label but 0 is bone."""
    require_mesh_formats(mesh_formats)
    check_writable(folder)
    labels = read_labels(mask)
    mesh = surface(labels, max_triangles=max_triangles, progress=progress, cancel=cancel)
    names = [f"bone.{suffix}" for suffix in mesh_formats]
    with staged_folder(folder) as stage:
        for suffix, name in zip(mesh_formats, names, strict=True):
            MESH_WRITERS[suffix](mesh, stage / name)
        render_scene([ColouredMesh(mesh)]).image.save(stage / "scene.png", optimize=True)
    return Reconstruction(mesh, tuple(folder / name for name in (*names, "scene.png")))
