"""The outside of a limb: skin and fat around its bones, as radii about a centre line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from afunet.phantom.config import Girth
from afunet.phantom.shapes.arrays import Float32Array, FloatArray, Points, Rng

_STEP_MM = 4.0
_ANGLES = 90

_SLANTED = 0.95
"""A radial difference overestimates the distance to a slanted side; one factor is used for all."""
_SMOOTH, _SMOOTH_LAST = (2.0, 1.5), (0.8, 0.8)
"""Blur over height and angle, in steps of the tables, before and after bone is covered."""
_FAT_UNEVENNESS, _FAT_BY_HEIGHT, _LEAST_FAT_MM = (
    0.14,
    ((-420, -200, 0, 250), (0.6, 0.8, 1, 1.3)),
    1.8,
)
_FEWEST = 5
"""The smallest number of bone points at a height that gives a middle."""

# An adult leg by height above the knee's joint line (mm): mean radius without fat, distance of its
# middle behind and medial of the bones' middle, smallest cover of bone. By eye from CT.
_HEIGHT_MM = (-420, -370, -300, -220, -140, -70, -30, 0, 40, 90, 150, 250, 350, 430, 500)
_RADIUS_MM = (36, 35, 38, 46, 54, 51, 50, 51, 52, 55, 61, 72, 82, 86, 86)
_BEHIND_MM = (8, 10, 17, 26, 28, 20, 12, 9, 10, 11, 8, 6, 8, 10, 10)
_MEDIAL_MM = (0, 0, 2, 5, 8, 5, 2, 0, 0, 4, 10, 18, 24, 24, 20)
_COVER_MM = (3, 3, 3, 3, 3.5, 4, 4, 4, 4, 6, 10, 14, 14, 12, 12)


@dataclass(frozen=True, eq=False)
class LimbFrame:
    """Coordinates of points relative to a limb's centre line, all (...).

    `across_mm` increases to the limb's outer side, `behind_mm` to the back. `muscle_mm` and
    `skin_mm` are signed distances (negative inside) to the fascia and the outside of the skin.
    `radius_mm` is the fascia's radius in the point's direction, `height_mm` the height above
    the knee.
    """

    across_mm: Float32Array
    behind_mm: Float32Array
    height_mm: Float32Array
    radius_mm: Float32Array
    muscle_mm: Float32Array
    skin_mm: Float32Array


@dataclass(frozen=True, eq=False)
class Envelope:
    """Fascia and fat of a limb as tables over height (from `start_mm`, 4 mm steps) and angle."""

    start_mm: float
    knee_mm: float
    outward: float
    centre_mm: FloatArray
    fascia_mm: FloatArray
    fat_mm: FloatArray

    def frame(self, points: Points) -> LimbFrame:
        """Coordinates of LPS points (..., 3) in the limb."""
        row = (points[..., 2] - np.float32(self.start_mm)) / np.float32(_STEP_MM)
        rows = np.arange(len(self.centre_mm))
        x = points[..., 0] - np.interp(row, rows, self.centre_mm[:, 0]).astype(np.float32)
        y = points[..., 1] - np.interp(row, rows, self.centre_mm[:, 1]).astype(np.float32)
        column = (np.arctan2(y, x) / np.float32(2 * np.pi) % 1) * np.float32(_ANGLES)
        where = np.stack([row, column])
        fascia, fat = (_read(table, where) for table in (self.fascia_mm, self.fat_mm))
        distance = np.hypot(x, y)
        muscle = (distance - fascia) * np.float32(_SLANTED)
        return LimbFrame(
            across_mm=np.asarray(x * self.outward, dtype=np.float32),
            behind_mm=np.asarray(y, dtype=np.float32),
            height_mm=np.asarray(points[..., 2] - self.knee_mm, dtype=np.float32),
            radius_mm=fascia,
            muscle_mm=np.asarray(muscle, dtype=np.float32),
            skin_mm=np.asarray((distance - fascia - fat) * np.float32(_SLANTED), dtype=np.float32),
        )


def draw_envelope(
    bone_points_mm: FloatArray,
    knee_mm: float,
    outward: float,
    scale: float,
    girth: Girth,
    heights_mm: tuple[float, float],
    rng: Rng,
) -> Envelope:
    """An envelope around bone surface points (N, 3); `outward` is +1 for a left limb, -1 right.

    It covers `heights_mm` (LPS z from, to). At heights without bone points, the nearest known
    centre is used.
    """
    z = np.arange(heights_mm[0] - 3 * _STEP_MM, heights_mm[1] + 4 * _STEP_MM, _STEP_MM)
    height = (z - knee_mm) / scale
    centre = _bone_centre(bone_points_mm, z)
    centre[:, 0] -= outward * scale * np.interp(height, _HEIGHT_MM, _MEDIAL_MM)
    centre[:, 1] += scale * girth.muscle * np.interp(height, _HEIGHT_MM, _BEHIND_MM)
    base = scale * girth.muscle * np.interp(height, _HEIGHT_MM, _RADIUS_MM)
    fascia = base[:, None] * (1 + _ripple(height, girth.unevenness, rng))
    bone = _bone_reach(bone_points_mm, z, centre)
    bone += np.interp(height, _HEIGHT_MM, _COVER_MM)[:, None]
    fascia = ndimage.gaussian_filter(np.maximum(fascia, bone), _SMOOTH, mode=("nearest", "wrap"))
    fascia = np.maximum(fascia, bone)
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    behind = 0.8 + 0.3 * np.sin(angle - 0.4 * rng.standard_normal())
    fat = girth.fat_mm * behind * (1 + _ripple(height, _FAT_UNEVENNESS, rng))
    fat = np.maximum(fat * np.interp(height, *_FAT_BY_HEIGHT)[:, None], _LEAST_FAT_MM)
    fascia = ndimage.gaussian_filter(fascia, _SMOOTH_LAST, mode=("nearest", "wrap"))
    return Envelope(float(z[0]), knee_mm, outward, centre, fascia, fat)


def _read(table: FloatArray, where: Float32Array) -> Float32Array:
    closed = np.concatenate([table, table[:, :1]], axis=1).astype(np.float32)
    return np.asarray(
        ndimage.map_coordinates(closed, where, order=1, mode="nearest"), dtype=np.float32
    )


def _bone_centre(points: FloatArray, z: FloatArray) -> FloatArray:
    found = np.full((len(z), 2), np.nan)
    for k, level in enumerate(z):
        near = points[np.abs(points[:, 2] - level) < _STEP_MM, :2]
        if len(near) >= _FEWEST:
            found[k] = (near.min(axis=0) + near.max(axis=0)) / 2
    known = np.isfinite(found[:, 0])
    if not known.any():
        return np.tile(points[:, :2].mean(axis=0), (len(z), 1))
    columns = [np.interp(z, z[known], found[known, axis]) for axis in (0, 1)]
    smooth = ndimage.gaussian_filter1d(np.stack(columns, axis=1), 5, axis=0, mode="nearest")
    return np.asarray(smooth, dtype=np.float64)


def _bone_reach(points: FloatArray, z: FloatArray, centre: FloatArray) -> FloatArray:
    """Largest radius of bone by (height, angle), spread to the neighbours, 0 without bone."""
    reach = np.zeros((len(z), _ANGLES))
    row = np.round((points[:, 2] - z[0]) / _STEP_MM).astype(int)
    kept = (row >= 0) & (row < len(z))
    offset = points[kept, :2] - centre[row[kept]]
    column = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) % 1) * _ANGLES
    np.maximum.at(reach, (row[kept], column.astype(int)), np.hypot(*offset.T))
    reach = ndimage.maximum_filter(reach, (5, 5), mode=("nearest", "wrap"))
    smooth = ndimage.gaussian_filter(reach, (1.2, 1.2), mode=("nearest", "wrap"))
    return np.asarray(smooth, dtype=np.float64)


def _ripple(height: FloatArray, size: float, rng: Rng) -> FloatArray:
    """A smooth random pattern over (height, angle), about `size` strong."""
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    pattern = np.zeros((len(height), _ANGLES))
    for k in (1, 2, 3, 4, 5):
        phase, drift, wave = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.004), rng.uniform(60, 200)
        strength = size * rng.normal(0, 1) / k * (1 + 0.5 * np.sin(height / wave + phase))
        pattern += strength[:, None] * np.cos(
            k * angle[None, :] + phase + drift * height[:, None] * k
        )
    return pattern
