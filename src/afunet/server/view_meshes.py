"""Surfaces of pieces for the page: few triangles, as NiiVue and other viewers read them.

A surface is kept under the digest of its voxels, so that a correction costs those it changed alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from afunet.formats.mesh_files import write_stl
from afunet.geometry import Mesh, Volume
from afunet.geometry.box import label_boxes
from afunet.reconstruction.pieces import alone_in, piece_surface
from afunet.report.surfaces.coloured_mesh import ColouredMesh
from afunet.report.surfaces.preview import previews
from afunet.server.refusals import not_found
from afunet.whole_file import whole_file
from afunet.workflows.surface_shelf import SurfaceShelf, digest_of_mask

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
    alone = alone_in(labels, box, label)
    path = folder / f"mesh-{digest_of_mask(alone)}.{kind}"
    if not path.is_file():
        whole, _ = SurfaceShelf(folder)(alone, lambda: piece_surface(alone))
        (few,) = previews([ColouredMesh(whole, "", (0, 0, 0))], TRIANGLES)
        VIEWED[kind](few.mesh, path)
    return path
