"""A rigid move: a rotation and a translation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rigid:
    """The move x → turn · x + shift of points in mm, by a rotation (3, 3) and a shift (3,)."""

    turn: FloatArray
    shift_mm: FloatArray

    @classmethod
    def still(cls) -> Rigid:
        """Return the move that leaves all points where they are."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def about(cls, centre_mm: ArrayLike, turn_rad: ArrayLike, shift_mm: ArrayLike) -> Rigid:
        """Return the turn about a centre by a rotation vector (3,) in radians, and then a shift."""
        centre = np.asarray(centre_mm, dtype=np.float64)
        turn = Rotation.from_rotvec(np.asarray(turn_rad, dtype=np.float64)).as_matrix()
        return cls(turn, centre - turn @ centre + np.asarray(shift_mm, dtype=np.float64))

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """Return points (..., 3) moved."""
        return np.asarray(points_mm @ self.turn.T + self.shift_mm, dtype=np.float64)

    def after(self, first: Rigid) -> Rigid:
        """Return the move that makes `first` and then this one."""
        return Rigid(self.turn @ first.turn, self(first.shift_mm))

    def inverse(self) -> Rigid:
        """Return the move back."""
        return Rigid(self.turn.T, -self.turn.T @ self.shift_mm)

    @property
    def rotation_vector_deg(self) -> FloatArray:
        """The axis of the turn (3,), as long as its angle in degrees, which is 180 at most."""
        return np.asarray(np.degrees(Rotation.from_matrix(self.turn).as_rotvec()))

    @property
    def angle_deg(self) -> float:
        """The angle of the turn, 0 to 180 degrees."""
        return float(np.linalg.norm(self.rotation_vector_deg))
