"""The report as one HTML file that opens offline: it contains all pictures and surfaces."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from markupsafe import Markup

from afunet.findings import Finding, Severity
from afunet.geometry.sizes import area_text, counted, volume_text
from afunet.report.case.confidence_strip import confidence_strip
from afunet.report.case.facts import FlagFacts, Report
from afunet.report.pages import pages_of
from afunet.report.palette import colour_of

MOST_PIECES = 30
MOST_SURE = 0.99


def _change(percent: float) -> str:
    """Return a small difference as text: "0.1 % less than"."""
    if abs(percent) < 0.05:
        return "as much as"
    return f"{abs(percent):.1f} % {'more' if percent > 0 else 'less'} than"


def percent(share: float) -> str:
    """Return a confidence as text: "93 %", and never more than `MOST_SURE`."""
    return f"{100 * min(share, MOST_SURE):.0f} %"


_PAGES = pages_of("afunet.report.case")
_PAGES.filters |= {
    "volume": volume_text,
    "area": area_text,
    "counted": counted,
    "hu": lambda value: "–" if value is None else f"{value:.0f}".replace("-", "−"),
    "change": _change,
    "percent": percent,
    "sentence": lambda text: text[:1].upper() + text[1:],
}


def render_page(
    report: Report,
    overlay_png: bytes,
    scene_png: bytes,
    turning_page: str = "",
    flag_pictures: Sequence[bytes] = (),
) -> str:
    """Return the HTML of the page with the pictures (PNG files) inside.

    `flag_pictures` are in the order of the flags. `turning_page` is the page of the 3D view, shown
    in a frame of its own. The page has no other script, and its content policy lets neither page
    load anything.
    """
    return _PAGES.get_template("page.html").render(
        report=report,
        overlay=_embedded(overlay_png),
        scene=_embedded(scene_png),
        turning_page=turning_page,
        flags=list(zip_longest(report.flags, map(_embedded, flag_pictures), fillvalue="")),
        warnings=sum(one.severity is not Severity.INFO for one in _noticed(report)),
        sides_known=report.source.tells_sides(report.findings),
        strip=Markup(confidence_strip(report.confidence.slices, report.flags)),
        colour_of=colour_of,
        most_pieces=MOST_PIECES,
    )


def _noticed(report: Report) -> Iterator[Finding | FlagFacts]:
    yield from report.findings
    yield from report.flags


def _embedded(png: bytes) -> str:
    if not png:
        return ""
    return "data:image/png;base64," + base64.b64encode(png).decode()
