"""A page in which the surfaces turn: one file, nothing loaded from anywhere.

Drawn by three.js (MIT) as trimesh embeds it; lit as every other picture of a case is.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

import trimesh
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from trimesh.viewer.notebook import scene_to_html

from afunet.errors import ConfigError
from afunet.formats.glb import Part, glb_bytes
from afunet.report.surfaces.shading import AMBIENT, LAMPS

# Where in the page that trimesh makes its own script begins, after three.js and its controls.
_OWN_SCRIPT = "var camera,controls,scene,"
_PAGES = Environment(
    loader=PackageLoader("afunet.report.surfaces", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def turning_page(
    parts: Sequence[Part], *, spacing_known: bool = True, sides_known: bool = True
) -> str:
    """HTML in which the parts turn, zoom, move, fade and hide; "" where there is nothing to show.

    It opens on the patient's front in parallel projection, with a scale bar and the patient's
    sides at the edges and on a cube. Both are left out where they are not known.
    """
    shown = [part for part in parts if not part.mesh.is_empty]
    if not shown:
        return ""
    view = {
        "parts": [{"name": part.name, "colour": part.colour} for part in shown],
        "ambient": AMBIENT,
        "lamps": [asdict(lamp) for lamp in LAMPS],
        "scale_known": spacing_known,
        "sides_known": sides_known,
    }
    return _PAGES.get_template("turning.html").render(
        parts=shown,
        view=view,
        sides_known=sides_known,
        surfaces=Markup(base64.b64encode(glb_bytes(shown)).decode()),
        library=Markup(_three_js()),
    )


@cache
def _three_js() -> str:
    """three.js with its loader of GLB and its controls, from trimesh's own viewer."""
    page = str(scene_to_html(trimesh.Scene(trimesh.creation.box())))
    library, found, _ = page.partition("<script>")[2].partition(_OWN_SCRIPT)
    if not found:
        raise ConfigError(
            f"trimesh {trimesh.__version__} embeds another viewer than 5.2: install the version "
            "in constraints.txt"
        )
    return library
