"""Write coloured surfaces as one GLB file (binary glTF 2.0).

glTF is in metres, with the second axis up and the third to the front (Khronos glTF 2.0, 3.4):
left, head, front of the patient, whereas DICOM has left, back, head.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from afunet.geometry import Mesh
from afunet.whole_file import whole_file

if TYPE_CHECKING:
    import trimesh

FRAME = "x left, y head, z front of the patient (DICOM's x, z, -y); unit m"
LPS_MM_TO_GLTF = np.array(
    [[0.001, 0, 0, 0], [0, 0, 0.001, 0], [0, -0.001, 0, 0], [0, 0, 0, 1]], dtype=np.float64
)
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
    """Write all parts, each as a node with its name; `OutputError` if that is impossible."""
    content = glb_bytes(parts, normals=True)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def glb_bytes(parts: Sequence[Part], *, normals: bool = False) -> bytes:
    """The content of the file. Without normals, viewers show flat triangles or compute normals."""
    scene = _scene(parts)
    if not scene.geometry:
        return EMPTY_GLB
    return bytes(scene.export(file_type="glb", include_normals=normals, unitize_normals=True))


def _scene(parts: Sequence[Part]) -> trimesh.Scene:
    import trimesh  # a fifth of a second, for this format alone

    scene = trimesh.Scene(metadata={"frame": FRAME})
    for part in parts:
        if part.mesh.is_empty:
            continue
        turned = part.mesh.transformed(LPS_MM_TO_GLTF)
        surface = trimesh.Trimesh(turned.vertices_mm, turned.faces, process=False)
        surface.visual = trimesh.visual.TextureVisuals(
            material=trimesh.visual.material.PBRMaterial(
                name=part.name,
                baseColorFactor=[*_linear(part.colour), 1.0],
                metallicFactor=0.0,
                roughnessFactor=0.8,
            )
        )
        scene.add_geometry(surface, node_name=part.name, geom_name=part.name)
    return scene


def _linear(colour: tuple[int, int, int]) -> list[float]:
    """Convert sRGB to the linear numbers of glTF (3.9.2), by the curve of IEC 61966-2-1."""
    shares = [value / 255 for value in colour]
    return [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
