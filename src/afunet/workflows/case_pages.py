"""The pictures and pages of a finished case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from afunet.formats.scan import Scan
from afunet.geometry import Volume
from afunet.reconstruction.pieces import Instances
from afunet.report import facts
from afunet.report.facts import Report
from afunet.report.montage import overlay_montage
from afunet.report.page import render_page
from afunet.report.scene import Scene, render_scene
from afunet.report.turning import turning_page
from afunet.workflows.result_files import coloured_pieces, parts_of

OVERLAY, SCENE = "overlay.png", "scene.png"
REPORT_JSON, REPORT_HTML = "report.json", "report.html"
PAGES = (OVERLAY, SCENE, REPORT_JSON, REPORT_HTML)
TURNING_TRIANGLES = 60_000


def sides_known(scan: Scan) -> bool:
    """Whether the patient's left and right are."""
    return facts.sides_known(scan.source, scan.findings)


def draw_pictures(folder: Path, scan: Scan, mask: Volume, instances: Instances) -> Scene:
    """Write the slices with the mask and the surfaces as pictures; sides only where known."""
    known, sides = scan.source.spacing_known, sides_known(scan)
    overlay = overlay_montage(scan.volume, mask, spacing_known=known, orientation_known=sides)
    overlay.save(folder / OVERLAY, optimize=True)
    scene = render_scene(coloured_pieces(instances), spacing_known=known, orientation_known=sides)
    scene.image.save(folder / SCENE, optimize=True)
    return scene


def turning_view(scan: Scan, instances: Instances) -> str:
    """The page in which the pieces turn, light enough to stand in the report."""
    return turning_page(
        parts_of(instances, TURNING_TRIANGLES),
        spacing_known=scan.source.spacing_known,
        sides_known=sides_known(scan),
    )


def write_report(
    folder: Path, report: Report, turning: str, flag_pictures: Sequence[bytes] = ()
) -> None:
    """Write the report as JSON and as a page with the folder's pictures inside."""
    (folder / REPORT_JSON).write_text(report.to_json(), encoding="utf-8")
    overlay, scene = ((folder / name).read_bytes() for name in (OVERLAY, SCENE))
    page = render_page(report, overlay, scene, turning, flag_pictures)
    (folder / REPORT_HTML).write_text(page, encoding="utf-8")
