"""Surfaces of pieces that were made before, in a folder, under what they were made from."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from afunet.errors import OutputError
from afunet.geometry import Mesh, Volume
from afunet.reconstruction.deviation import Deviation
from afunet.reconstruction.pieces import PieceSurface
from afunet.whole_file import whole_file

DIGITS = 20
SUFFIX = ".surface.npz"
MOST, MICRONS = 40, 3
WHOLE = ("triangles", "open_edges", "nonmanifold_edges")
"""The counts among the numbers of a `Deviation`."""


@dataclass(frozen=True)
class SurfaceShelf:
    """A folder of surfaces with the default smoothing and without any limit of triangles.

    The same mask at the same place has the same surface, so a piece that a correction did not
    change costs no more than reading a file.
    """

    folder: Path

    def __call__(self, mask: Volume, make: Callable[[], PieceSurface]) -> PieceSurface:
        """Return the surface of a piece (`Remember`)."""
        path = self.folder / f"{digest_of_mask(mask)}{SUFFIX}"
        with suppress(OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            with path.open("rb") as stored, np.load(stored) as kept:
                mesh = Mesh(kept["vertices_mm"], kept["faces"])
                numbers = dict(zip(kept["names"].tolist(), kept["numbers"].tolist(), strict=True))
            whole = {name: int(numbers[name]) for name in WHOLE}
            return mesh, Deviation(**{**numbers, **whole})
        mesh, apart = make()
        told = asdict(apart)
        with suppress(OutputError), whole_file(path) as unfinished, unfinished.open("wb") as file:
            np.savez(
                file,
                vertices_mm=mesh.vertices_mm,
                faces=mesh.faces.astype(np.int32),
                names=np.array(list(told)),
                numbers=np.array(list(told.values()), np.float64),
            )
        self._forget()
        return mesh, apart

    def _forget(self) -> None:
        """Remove the surfaces that were made first, if there are very many."""
        there = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for path in there[:-MOST]:
            path.unlink(missing_ok=True)


def digest_of_mask(mask: Volume) -> str:
    """Return a name for the voxels of a mask and their place."""
    sha = hashlib.sha256(repr((mask.shape, mask.affine.round(MICRONS).tolist())).encode())
    sha.update(np.packbits(mask.voxels != 0).data)
    return sha.hexdigest()[:DIGITS]
