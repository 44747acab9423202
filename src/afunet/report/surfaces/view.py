"""The direction from which a surface is seen, and the part of it that a picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# DICOM PS3.3 C.7.6.1.1.1 (Patient Orientation): letters of the LPS axes, positive and negative.
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
_LETTER_FROM = 0.45


def orientation_letters(direction: FloatArray) -> str:
    """Return the patient's sides that a unit LPS vector (3,) points to, main side first: "LP"."""
    order = np.argsort(-np.abs(direction), kind="stable")
    named = [axis for axis in order if abs(direction[axis]) >= _LETTER_FROM]
    return "".join(_LETTERS[axis][0 if direction[axis] > 0 else 1] for axis in named)


@dataclass(frozen=True, eq=False)
class View:
    """A parallel projection: the LPS unit vectors (3,) that point right and up in the picture."""

    name: str
    right: FloatArray
    up: FloatArray

    @property
    def toward_viewer(self) -> FloatArray:
        """Unit vector (3,) out of the picture."""
        return np.asarray(np.cross(self.right, self.up), dtype=np.float64)

    def project(self, points_mm: FloatArray) -> FloatArray:
        """Return (right, up, toward the viewer) coordinates (N, 3) in mm of LPS points (N, 3)."""
        return points_mm @ np.stack([self.right, self.up, self.toward_viewer], axis=1)


@dataclass(frozen=True)
class Frame:
    """The part of a projection that a picture shows: its centre, scale and size."""

    centre_right_mm: float
    centre_up_mm: float
    mm_per_pixel: float
    width: int
    height: int


def turned_view(name: str, azimuth_deg: float, elevation_deg: float) -> View:
    """Return the view from the front, turned to the patient's left by azimuth, up by elevation."""
    around, above = radians(azimuth_deg), radians(elevation_deg)
    right = np.array([cos(around), sin(around), 0.0])
    level = np.array([sin(around), -cos(around), 0.0])
    up = np.array([0.0, 0.0, cos(above)]) - level * sin(above)
    return View(name, right, up)


ANTERIOR = turned_view("anterior", 0, 0)
LATERAL = turned_view("lateral, from the left", 90, 0)
POSTERIOR = turned_view("posterior", 180, 0)
OBLIQUE = turned_view("oblique", 40, 20)
