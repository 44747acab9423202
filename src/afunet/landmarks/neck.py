"""The femoral neck: its narrowest section and the axis through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.landmarks.vectors import across, angle_deg, unit

FloatArray = NDArray[np.float64]

SECTORS, STEP_MM, HALF_SLAB_MM = 24, 1.0, 2.5
FIRST, LAST, WIDEST = 0.5, 1.9, 1.4
"""Sections are looked for between these distances from the head's centre, in head radii, and only
points within `WIDEST` radii of the axis are neck."""
START = (0.75, 0.2, -0.6)
ROUNDS, STILL_DEG, WALL = 15, 0.05, 0.4


@dataclass(frozen=True, eq=False)
class Neck:
    """The narrowest section across the axis from the head's centre, in the frame of the head.

    All positions (3,) are (lateral, posterior, proximal) mm from the head's centre.
    """

    centre: FloatArray
    superior: FloatArray
    anterior: FloatArray
    inferior: FloatArray
    posterior: FloatArray

    @property
    def axis(self) -> FloatArray:
        """The unit vector from the head's centre to the centre of the section."""
        return unit(self.centre)


def narrowest_neck(own_mm: FloatArray, radius_mm: float) -> Neck | None:
    """The narrowest section of the neck by area, None if no section is complete.

    `own_mm` (N, 3) are points in the frame of the head, `radius_mm` is that of the head. The axis
    is turned through the centre of the narrowest section until both agree.
    """
    axis = unit(np.array(START))
    found: _Section | None = None
    for _ in range(ROUNDS):
        found = _narrowest(own_mm, axis, radius_mm)
        if found is None:
            return None
        turned = unit(found.centre)
        moved = angle_deg(axis, turned)
        axis = turned
        if moved < STILL_DEG:
            break
    assert found is not None
    return Neck(found.centre, *(found.at(angle) for angle in (0.0, 90.0, 180.0, 270.0)))


@dataclass(frozen=True, eq=False)
class _Section:
    """A section by the radius in each sector, from superior over anterior."""

    foot: FloatArray
    up: FloatArray
    front: FloatArray
    radii_mm: FloatArray

    @property
    def angles(self) -> FloatArray:
        return np.asarray((np.arange(SECTORS) + 0.5) * 2 * np.pi / SECTORS)

    @property
    def area_mm2(self) -> float:
        return float((self.radii_mm**2).sum() * np.pi / SECTORS)

    @property
    def centre(self) -> FloatArray:
        """The centroid of the section's area."""
        cubes = self.radii_mm**3 * 2 / 3 / (self.radii_mm**2).sum()
        right, front = (cubes * np.cos(self.angles)).sum(), (cubes * np.sin(self.angles)).sum()
        return np.asarray(self.foot + right * self.up + front * self.front)

    def at(self, angle_deg: float) -> FloatArray:
        angle = np.radians(angle_deg)
        radius = np.interp(angle, self.angles, self.radii_mm, period=2 * np.pi)
        return np.asarray(
            self.foot + radius * (np.cos(angle) * self.up + np.sin(angle) * self.front)
        )


def _narrowest(own_mm: FloatArray, axis: FloatArray, radius_mm: float) -> _Section | None:
    up = unit(across(np.array([0.0, 0.0, 1.0]), axis))
    front = np.cross(axis, up)
    if front[1] > 0:
        front = -front
    far = np.hypot(own_mm @ up, own_mm @ front)
    near = own_mm[far < WIDEST * radius_mm]
    along, far = near @ axis, far[far < WIDEST * radius_mm]
    angle = np.arctan2(near @ front, near @ up) % (2 * np.pi)
    sector = (angle / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    best: _Section | None = None
    for distance in np.arange(FIRST * radius_mm, LAST * radius_mm, STEP_MM):
        here = np.abs(along - distance) < HALF_SLAB_MM
        radii = _radii(far[here], sector[here])
        if np.isnan(radii).any():
            continue
        section = _Section(distance * axis, up, front, radii)
        if best is None or section.area_mm2 < best.area_mm2:
            best = section
    return best


def _radii(far: FloatArray, sector: NDArray[np.int_]) -> FloatArray:
    """The distance of the neck's wall in each sector; the inner one where the trochanter is too.

    It is the 40 % quantile of the distances, as `np.quantile` takes it; NaN for fewer than three.
    """
    sorted_far = far[np.lexsort((far, sector))]
    count = np.bincount(sector, minlength=SECTORS)
    if count.min() < 3:
        return np.where(count < 3, np.nan, 0.0)
    place = np.cumsum(count) - count + WALL * (count - 1)
    below = np.floor(place).astype(int)
    return np.asarray(
        sorted_far[below] + (place - below) * (sorted_far[below + 1] - sorted_far[below])
    )
