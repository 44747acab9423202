"""The pictures and pages of a finished case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.formats.scan import Scan
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.anatomy import Bone
from afunet.reconstruction.pieces import Instances
from afunet.report.coloured_mesh import ColouredMesh
from afunet.report.facts import Report
from afunet.report.montage import overlay_montage
from afunet.report.page import render_page
from afunet.report.palette import colour_of
from afunet.report.scene import Scene, render_scene
from afunet.report.turning import turning_page
from afunet.workflows.result_files import coloured_pieces, parts_of

OVERLAY, SCENE = "overlay.png", "scene.png"
REPORT_JSON, REPORT_HTML = "report.json", "report.html"
TURNING_TRIANGLES = 60_000
SIDES_UNKNOWN = {"ORIENTATION_UNKNOWN", "ORIENTATION_ASSUMED"}


def sides_known(scan: Scan) -> bool:
    """Whether the patient's left and right are."""
    codes = {finding.code for finding in scan.findings}
    return scan.source.spacing_known and not SIDES_UNKNOWN & codes


def draw_overlay(folder: Path, scan: Scan, mask: Volume) -> list[str]:
    """Write the slices with the mask's outline; sides only where known. Gives the file's name."""
    known, sides = scan.source.spacing_known, sides_known(scan)
    overlay = overlay_montage(scan.volume, mask, spacing_known=known, orientation_known=sides)
    overlay.save(folder / OVERLAY, optimize=True)
    return [OVERLAY]


def draw_scene(scan: Scan, mesh: Mesh | None, instances: Instances) -> Scene:
    """The surfaces of the pieces, of the whole where there are none; sides only where known."""
    meshes = coloured_pieces(instances)
    if not meshes and mesh is not None:
        meshes = [ColouredMesh(mesh, "bone", colour_of(Bone.UNKNOWN, 1))]
    known, sides = scan.source.spacing_known, sides_known(scan)
    return render_scene(meshes, spacing_known=known, orientation_known=sides)


def write_scene(folder: Path, scene: Scene) -> list[str]:
    """Write the picture of the surfaces; gives the file's name."""
    scene.image.save(folder / SCENE, optimize=True)
    return [SCENE]


def turning_view(scan: Scan, instances: Instances) -> str:
    """The page in which the pieces turn, light enough to stand in the report."""
    return turning_page(
        parts_of(instances, TURNING_TRIANGLES),
        spacing_known=scan.source.spacing_known,
        sides_known=sides_known(scan),
    )


def write_page(
    folder: Path,
    report: Report,
    pictures: Path,
    turning: str,
    flag_pictures: Sequence[bytes] = (),
) -> list[str]:
    """Write the report as a page, with those of the `pictures` inside that are in that folder."""
    overlay, scene = (
        path.read_bytes() if (path := pictures / name).is_file() else b""
        for name in (OVERLAY, SCENE)
    )
    page = render_page(report, overlay, scene, turning, flag_pictures)
    (folder / REPORT_HTML).write_bytes(page.encode("utf-8", errors="replace"))
    return [REPORT_HTML]


def write_json(folder: Path, report: Report) -> list[str]:
    """Write the report for programs; gives the file's name."""
    (folder / REPORT_JSON).write_bytes(report.to_json().encode("utf-8", errors="replace"))
    return [REPORT_JSON]
