"""Surfaces of pieces for the page: few triangles, as NiiVue and other viewers read them.

A surface is kept under the digest of its voxels, so that a correction costs those it changed alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from afunet.formats.mesh_files import write_stl
from afunet.geometry import Mesh, Volume
from afunet.geometry.box import label_boxes
from afunet.reconstruction.surface import surface
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import previews
from afunet.server.refusals import not_found
from afunet.server.view import DIGITS
from afunet.whole_file import whole_file

TRIANGLES = 60_000
"""Of one piece."""
LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
MZ3_MAGIC, MZ3_FACES_AND_VERTICES = 0x5A4D, 3


def write_mz3(mesh: Mesh, path: Path) -> None:
    """Write a mesh in LPS as MZ3: RAS mm, uncompressed, little endian, float32."""
    ras = mesh.transformed(LPS_RAS)
    head = struct.pack(
        "<HHIII", MZ3_MAGIC, MZ3_FACES_AND_VERTICES, len(ras.faces), len(ras.vertices_mm), 0
    )
    with whole_file(path) as unfinished:
        content = head + ras.faces.astype("<i4").tobytes() + ras.vertices_mm.astype("<f4").tobytes()
        unfinished.write_bytes(content)


VIEWED: Mapping[str, Callable[[Mesh, Path], None]] = {"mz3": write_mz3, "stl": write_stl}


def mesh_file(folder: Path, labels: Volume, label: int, kind: str) -> Path:
    """Return the file of a piece's surface in a folder; it is made if it is not there.

    `kind` is one of `VIEWED`. Raises `Refused` (404) for a label that is not in the map.
    """
    box = label_boxes(labels.voxels).get(label)
    if box is None:
        raise not_found("piece")
    inside = labels.voxels[box] == label
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_mm([side.start for side in reversed(box)])
    digest = hashlib.sha256(repr((inside.shape, affine.tolist())).encode())
    digest.update(np.packbits(inside).data)
    path = folder / f"mesh-{digest.hexdigest()[:DIGITS]}.{kind}"
    if not path.is_file():
        whole = surface(Volume(inside.astype(np.uint8), affine))
        (few,) = previews([ColouredMesh(whole, "", (0, 0, 0))], TRIANGLES)
        VIEWED[kind](few.mesh, path)
    return path
