"""The pictures and pages of a finished case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.report.case.facts import Report
from afunet.report.case.montage import overlay_montage
from afunet.report.case.page import render_page
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import PAGE_TRIANGLES, previews
from afunet.report.surfaces.scene import Scene, render_scene
from afunet.report.surfaces.turning import turning_page
from afunet.workflows.result_files import parts_of

OVERLAY, SCENE = "overlay.png", "scene.png"
REPORT_JSON, REPORT_HTML = "report.json", "report.html"


def draw_overlay(folder: Path, scan: Scan, mask: Volume) -> list[str]:
    """Draw slices with the mask's outline, with sides only if known; return the file's name."""
    known, sides = scan.source.spacing_known, scan.sides_known
    overlay = overlay_montage(scan.volume, mask, spacing_known=known, orientation_known=sides)
    overlay.save(folder / OVERLAY)
    return [OVERLAY]


def draw_scene(scan: Scan, surfaces: Sequence[ColouredMesh]) -> Scene:
    """Draw the surfaces from four sides, with the patient's sides only if known."""
    return render_scene(
        surfaces,
        spacing_known=scan.source.spacing_known,
        orientation_known=scan.sides_known,
    )


def write_scene(folder: Path, scene: Scene) -> list[str]:
    """Write the picture of the surfaces; return the file's name."""
    scene.image.save(folder / SCENE)
    return [SCENE]


def turning_view(scan: Scan, surfaces: Sequence[ColouredMesh]) -> str:
    """Return the page of the 3D view, with few enough triangles to be part of the report."""
    return turning_page(
        parts_of(previews(surfaces, PAGE_TRIANGLES)),
        spacing_known=scan.source.spacing_known,
        sides_known=scan.sides_known,
    )


def write_page(
    folder: Path,
    report: Report,
    pictures: Path,
    turning: str,
    flag_pictures: Sequence[bytes] = (),
) -> list[str]:
    """Write the report as a page with the pictures that are in the folder `pictures`."""
    overlay, scene = pictures_in(pictures)
    page = render_page(report, overlay, scene, turning, flag_pictures)
    (folder / REPORT_HTML).write_bytes(page.encode("utf-8", errors="replace"))
    return [REPORT_HTML]


def pictures_in(folder: Path) -> tuple[bytes, bytes]:
    """Return the pictures of slices and of surfaces, b"" for one that is not in the folder."""
    overlay, scene = (
        path.read_bytes() if (path := folder / name).is_file() else b"" for name in (OVERLAY, SCENE)
    )
    return overlay, scene


def write_json(folder: Path, report: Report) -> list[str]:
    """Write the report as JSON; return the file's name."""
    (folder / REPORT_JSON).write_bytes(report.to_json().encode("utf-8", errors="replace"))
    return [REPORT_JSON]
