"""A page with a rotatable 3D view of the surfaces: one file that loads nothing.

three.js (MIT), as trimesh embeds it, draws the surfaces in the light of all pictures of a case.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache

from markupsafe import Markup

from afunet.errors import ConfigError
from afunet.formats.glb import Part, glb_bytes
from afunet.report.pages import pages_of
from afunet.report.surfaces.shading import AMBIENT, LAMPS

# The start of trimesh's own script in the page that it makes, after three.js and its controls.
_OWN_SCRIPT = "var camera,controls,scene,"
_PAGES = pages_of("afunet.report.surfaces")


def turning_page(
    parts: Sequence[Part], *, spacing_known: bool = True, sides_known: bool = True
) -> str:
    """Return HTML in which the parts can be turned, zoomed, moved, faded and hidden.

    The view opens from the patient's front in parallel projection, with a scale bar, and with the
    patient's sides at the edges and on a cube. What is unknown is left out. "" if all parts are
    empty.
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
    """Return three.js with its GLB loader and its controls, from trimesh's viewer."""
    import trimesh
    from trimesh.viewer.notebook import scene_to_html

    page = str(scene_to_html(trimesh.Scene(trimesh.creation.box())))
    library, found, _ = page.partition("<script>")[2].partition(_OWN_SCRIPT)
    if not found:
        raise ConfigError(
            f"trimesh {trimesh.__version__} embeds another viewer than trimesh 5.2: install the "
            "version in constraints.txt"
        )
    return library
