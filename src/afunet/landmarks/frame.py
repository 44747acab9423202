"""A frame of a bone: an origin and three perpendicular axes, found from its shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.vectors import across, unit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frame:
    """Axes of a left bone as rows (3, 3): lateral, posterior, proximal; the origin in mm.

    For a left bone of a patient who lies straight they are the axes of LPS.
    """

    origin_mm: FloatArray
    axes: FloatArray

    @classmethod
    def of(cls, origin_mm: FloatArray, proximal: FloatArray, lateral: FloatArray) -> Frame:
        """Return the frame with this proximal axis, and the lateral axis as near as possible."""
        up = unit(proximal)
        out = unit(across(lateral, up))
        return cls(np.asarray(origin_mm, dtype=np.float64), np.stack([out, np.cross(up, out), up]))

    def own(self, points_mm: FloatArray) -> FloatArray:
        """Return points (..., 3) in this frame, as (lateral, posterior, proximal) mm."""
        return np.asarray((points_mm - self.origin_mm) @ self.axes.T)

    def back(self, own_mm: FloatArray) -> FloatArray:
        """Return points (..., 3) of this frame where they came from."""
        return np.asarray(own_mm @ self.axes + self.origin_mm)

    @property
    def lateral(self) -> FloatArray:
        """The unit vector away from the midline (3,)."""
        return np.asarray(self.axes[0])

    @property
    def posterior(self) -> FloatArray:
        """The unit vector to the back (3,)."""
        return np.asarray(self.axes[1])

    @property
    def proximal(self) -> FloatArray:
        """The unit vector to the hip (3,)."""
        return np.asarray(self.axes[2])
