"""The report as one HTML file that opens offline: pictures and surfaces inside, no network."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined

from afunet.report.facts import Report
from afunet.report.palette import colour_of

MOST_PIECES = 30
_PAGES = Environment(
    loader=PackageLoader("afunet.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(
    report: Report, overlay_png: bytes, scene_png: bytes, turning_page: str = ""
) -> str:
    """HTML of one page with the two pictures, whole PNG files, inside.

    `turning_page` is another page, shown in a frame of its own: the surfaces that turn. Nothing
    else on the page is a script, and its content policy lets neither load anything.
    """
    return _PAGES.get_template("page.html").render(
        report=report,
        overlay=_embedded(overlay_png),
        scene=_embedded(scene_png),
        turning_page=turning_page,
        colour_of=colour_of,
        most_pieces=MOST_PIECES,
    )


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
