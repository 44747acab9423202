"""Coloured surfaces as one GLB file (binary glTF 2.0), and as a page that turns them.

glTF is in metres with its second axis up and its third to the front (Khronos glTF 2.0, 3.4):
left, head, front of the patient, where DICOM has left, back, head.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import trimesh
from trimesh.viewer.notebook import scene_to_html

from afunet.formats.whole_file import whole_file
from afunet.geometry import Mesh

FRAME = "x left, y head, z front of the patient (DICOM's x, z, -y); unit m"
LPS_MM_TO_GLTF = np.array(
    [[0.001, 0, 0, 0], [0, 0, 0.001, 0], [0, -0.001, 0, 0], [0, 0, 0, 1]], dtype=np.float64
)
_SWITCHES_STYLE = """
.parts { position: fixed; left: 8px; top: 8px; max-height: 95vh; overflow-y: auto;
  font: 13px system-ui, sans-serif; background: rgb(255 255 255 / 80%); padding: 4px 8px; }
.parts label { display: block; line-height: 1.5; }
.parts i { display: inline-block; width: 0.8em; height: 0.8em; margin: 0 0.4em; }
"""
_SWITCH = """
document.querySelectorAll(".parts input").forEach(function (box) {
  box.addEventListener("change", function () {
    const name = THREE.PropertyBinding.sanitizeNodeName(box.dataset.part);
    scene.getObjectByName(name).visible = box.checked;
    render();
  });
});
"""
_ASSET = b'{"asset":{"version":"2.0"}} '
# A file without a scene (glTF 2.0, section 4.4): header and one JSON chunk.
EMPTY_GLB = struct.pack("<4sIIII", b"glTF", 2, 20 + len(_ASSET), len(_ASSET), 0x4E4F534A) + _ASSET


@dataclass(frozen=True, eq=False)
class Part:
    """A surface in LPS mm with its name and its red, green, blue (0–255)."""

    name: str
    mesh: Mesh
    colour: tuple[int, int, int]


def write_glb(parts: Sequence[Part], path: Path) -> None:
    """Write all parts, each a node of its name; `OutputError` where it cannot be written."""
    scene = _scene(parts, _linear)
    content = scene.export(file_type="glb", unitize_normals=True) if scene.geometry else EMPTY_GLB
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def turning_page(parts: Sequence[Part]) -> str:
    """An HTML page without network access in which the parts turn, zoom and move with the mouse.

    By the viewer that trimesh embeds (three.js, MIT). It opens on the patient's front; a list of
    the parts hides and shows each. "" where there is nothing to show.
    """
    scene = _scene(parts, _dimmed)
    if not scene.geometry:
        return ""
    page = str(scene_to_html(scene))
    body, end = page.rsplit("</body>", 1)
    return f"{body}{_switches([part for part in parts if not part.mesh.is_empty])}</body>{end}"


def _switches(parts: Sequence[Part]) -> str:
    """A box to tick for each part; `scene` and `render` are the viewer's own."""
    rows = "".join(
        f'<label><input type="checkbox" checked data-part="{escape(part.name)}">'
        f'<i style="background: rgb{part.colour}"></i>{escape(part.name)}</label>'
        for part in parts
    )
    return (
        f'<style>{_SWITCHES_STYLE}</style><div class="parts">{rows}</div><script>{_SWITCH}</script>'
    )


def _scene(
    parts: Sequence[Part], shade: Callable[[tuple[int, int, int]], list[float]]
) -> trimesh.Scene:
    scene = trimesh.Scene(metadata={"frame": FRAME})
    for part in parts:
        if part.mesh.is_empty:
            continue
        turned = part.mesh.transformed(LPS_MM_TO_GLTF)
        surface = trimesh.Trimesh(turned.vertices_mm, turned.faces, process=False)
        surface.visual = trimesh.visual.TextureVisuals(
            material=trimesh.visual.material.PBRMaterial(
                name=part.name,
                baseColorFactor=[*shade(part.colour), 1.0],
                metallicFactor=0.0,
                roughnessFactor=0.8,
            )
        )
        scene.add_geometry(surface, node_name=part.name, geom_name=part.name)
    return scene


def _linear(colour: tuple[int, int, int]) -> list[float]:
    """SRGB as the linear numbers that glTF takes (3.9.2), by the usual power of 2.2."""
    return [(value / 255) ** 2.2 for value in colour]


def _dimmed(colour: tuple[int, int, int]) -> list[float]:
    """What the embedded viewer shows as the colour: it knows no sRGB and has much light."""
    return [0.55 * value / 255 for value in colour]
