"""A fragment of a broken bone: what its cuts keep, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points
from afunet.phantom.shapes.distance import Box
from afunet.phantom.skeleton.fracture_surface import Cut, Slit, Yielding

NO_FACE_MM = -1e3
"""Distance to the fracture surfaces of a fragment without cuts."""


@dataclass(frozen=True, eq=False)
class Fragment:
    """The part of a bone that all `cuts` keep, rotated about `pivot_mm` and shifted.

    `home` is a box around the fragment before it moved, in the intact bone's frame. `slits` are
    fracture lines that end inside it.
    """

    home: Box
    cuts: tuple[Cut | Yielding, ...]
    pivot_mm: FloatArray
    turn: FloatArray
    shift_mm: FloatArray
    slits: tuple[Slit, ...] = ()

    def corners_mm(self) -> FloatArray:
        """Corners (8, 3) of the home box, moved with the fragment."""
        return self.from_home(self.home.corners_mm())

    def from_home(self, points: FloatArray) -> FloatArray:
        """Points of the intact bone's frame, (..., 3), moved with the fragment."""
        return np.asarray((points - self.pivot_mm) @ self.turn.T + self.pivot_mm + self.shift_mm)

    def to_home(self, points: Points) -> Points:
        """The inverse of `from_home`: points (..., 3) before the fragment moved."""
        pivot = self.pivot_mm.astype(points.dtype)
        shift = self.shift_mm.astype(points.dtype)
        return np.asarray((points - shift - pivot) @ self.turn.astype(points.dtype) + pivot)

    def face_mm(self, home: Points, intact_mm: Float32Array) -> Float32Array:
        """Signed distance (...) of home points (..., 3) to the fracture surfaces."""
        face = np.full(home.shape[:-1], NO_FACE_MM, dtype=np.float32)
        for cut in self.cuts:
            face = np.maximum(face, cut.face(home, intact_mm))
        return face
