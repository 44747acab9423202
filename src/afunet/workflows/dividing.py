"""From a mask to its surface and its pieces with their names, each tried on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.geometry import Mesh, Volume
from afunet.inference.naming import bone_namer
from afunet.progress import CancelToken, Progress
from afunet.reconstruction.anatomy import UNKNOWN, NamedLabels
from afunet.reconstruction.pieces import Instances, find_pieces
from afunet.reconstruction.surface import surface
from afunet.workflows.attempts import Attempts

SURFACE, PIECES, NAMES = "surface", "pieces", "names"


@dataclass(frozen=True, eq=False)
class Dividing:
    """Divides masks; surfaces are simplified as `decimated` says. Raises `Cancelled` only."""

    attempts: Attempts
    max_triangles: int | None
    max_error_mm: float | None
    progress: Progress
    cancel: CancelToken

    def surface(self, mask: Volume) -> Mesh | None:
        """The surface of all bone, None where it could not be made."""
        with self.attempts.at(SURFACE):
            return surface(
                mask,
                max_triangles=self.max_triangles,
                max_error_mm=self.max_error_mm,
                progress=self.progress,
                cancel=self.cancel,
            )
        return None

    def pieces(
        self, mask: Volume, scan: Volume | None, *, spacing_known: bool, sides_known: bool
    ) -> Instances:
        """Bones and fragments, without names where these cannot be given; names need millimetres.

        Where bone could not be divided, it has one label, and no piece is measured.
        """

        def namer(labels: Volume) -> NamedLabels:
            self.progress(NAMES, 0, 1)
            with self.attempts.at(NAMES):
                named = bone_namer(sides_known=sides_known)(labels)
                self.progress(NAMES, 1, 1)
                return named
            return NamedLabels(labels, (UNKNOWN,) * int(labels.voxels.max()))

        with self.attempts.at(PIECES):
            return find_pieces(
                mask,
                scan,
                namer=namer if spacing_known else None,
                max_triangles=self.max_triangles,
                max_error_mm=self.max_error_mm,
                progress=self.progress,
                cancel=self.cancel,
            )
        return Instances(mask.with_voxels((mask.voxels != 0).astype(np.uint8)))
