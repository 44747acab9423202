"""The report as one HTML file that opens offline: pictures inside, no script, no network."""

from __future__ import annotations

import base64
import io

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from afunet.report.facts import Report

_PAGES = Environment(
    loader=PackageLoader("afunet.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(report: Report, overlay: Image.Image, scene: Image.Image) -> str:
    """HTML of one page; the pictures are embedded as PNG."""
    return _PAGES.get_template("page.html").render(
        report=report, overlay=_embedded(overlay), scene=_embedded(scene)
    )


def _embedded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
