"""The report as one HTML file that opens offline: pictures and surfaces inside, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import zip_longest

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from afunet.report.confidence_strip import confidence_strip
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
    report: Report,
    overlay_png: bytes,
    scene_png: bytes,
    turning_page: str = "",
    flag_pictures: Sequence[bytes] = (),
) -> str:
    """HTML of one page with the pictures, whole PNG files, inside; those of flags in their order.

    `turning_page` is another page, shown in a frame of its own: the surfaces that turn. Nothing
    else on the page is a script, and its content policy lets neither load anything.
    """
    return _PAGES.get_template("page.html").render(
        report=report,
        overlay=_embedded(overlay_png),
        scene=_embedded(scene_png),
        turning_page=turning_page,
        flags=list(zip_longest(report.flags, map(_embedded, flag_pictures), fillvalue="")),
        strip=Markup(confidence_strip(report.confidence.slices, report.flags)),
        colour_of=colour_of,
        most_pieces=MOST_PIECES,
    )


def _embedded(png: bytes) -> str:
    if not png:
        return ""
    return "data:image/png;base64," + base64.b64encode(png).decode()
