"""Rough surfaces: a smooth shape and self-affine heights above it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage

from afunet.phantom.hybrid.plan import Fold, Surface, SurfaceKind
from afunet.phantom.shapes.arrays import Float32Array, FloatArray

_CELLS, _CELL_MM = 256, 0.75
_LONGEST_MM = 60.0
"""Heights have no waves longer than this: those are the smooth shape's."""


@lru_cache(maxsize=32)
def height_map(seed: int, hurst: float) -> Float32Array:
    """Periodic self-affine heights (256, 256), 0.75 mm apart, of standard deviation 1.

    The power spectrum of a surface with Hurst exponent H falls with the wave number to the power
    -2 (H + 1).
    """
    white = np.fft.rfft2(np.random.default_rng([seed, 53]).standard_normal((_CELLS, _CELLS)))
    rows, columns = np.fft.fftfreq(_CELLS, _CELL_MM), np.fft.rfftfreq(_CELLS, _CELL_MM)
    wave = np.hypot(rows[:, None], columns[None, :])
    wave[0, 0] = np.inf
    heights = np.fft.irfft2(white * np.maximum(wave, 1 / _LONGEST_MM) ** -(hurst + 1))
    return np.asarray(heights / heights.std(), dtype=np.float32)


def heights_at(u: Float32Array, v: Float32Array, seed: int, hurst: float) -> Float32Array:
    """The heights (N,) of a map at in-surface coordinates (N,) in mm."""
    places = np.stack([u, v]) / np.float32(_CELL_MM)
    found = ndimage.map_coordinates(height_map(seed, hurst), places, order=1, mode="grid-wrap")
    return np.asarray(found, dtype=np.float32)


def axes_of(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors (3,) across a normal and each other, the same for the same normal."""
    least = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = np.cross(normal, least)
    first /= np.linalg.norm(first)
    return first, np.cross(normal, first)


def coordinates(
    surface: Surface, points: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Coordinates (N,) of points (N, 3) along the surface's two axes and its normal, in mm."""
    normal = np.asarray(surface.normal)
    frame = np.stack([*axes_of(normal), normal]).astype(np.float32)
    along = (points - np.asarray(surface.centre_mm, dtype=np.float32)) @ frame.T
    return along[:, 0], along[:, 1], along[:, 2]


def value_at(surface: Surface, points: Float32Array) -> Float32Array:
    """Signed distance (N,), approximately, of points (N, 3) of the bone's frame, in mm."""
    u, v, across = coordinates(surface, points)
    smooth = {
        SurfaceKind.SHEET: _sheet,
        SurfaceKind.SPIRAL: _spiral,
        SurfaceKind.BALL: _ball,
    }[surface.kind](surface, u, v, across)
    rough = np.float32(surface.rough_mm) * heights_at(u, v, surface.seed, surface.hurst)
    return np.asarray(smooth - rough, dtype=np.float32)


def _sheet(
    surface: Surface, u: Float32Array, v: Float32Array, across: Float32Array
) -> Float32Array:
    """Distance to a bent and folded sheet; far away a bend goes on straight."""
    height = np.zeros_like(u)
    slope = np.zeros_like(u)
    for along, bend in zip((u, v), surface.bend_per_mm, strict=True):
        if bend:
            steep = np.sqrt(1 + (along * np.float32(bend)) ** 2)
            height += (steep - 1) / np.float32(bend)
    for fold in surface.folds:
        height += _folded(fold, u, v)
        slope += np.float32(fold.slope**2)
    return np.asarray((across - height) / np.sqrt(1 + slope), dtype=np.float32)


def _folded(fold: Fold, u: Float32Array, v: Float32Array) -> Float32Array:
    way = u * np.float32(np.cos(fold.angle_rad)) + v * np.float32(np.sin(fold.angle_rad))
    offset = np.float32(fold.offset_mm)
    return np.asarray(np.float32(fold.slope) * (np.abs(way - offset) - abs(offset)))


def _spiral(
    surface: Surface, u: Float32Array, v: Float32Array, across: Float32Array
) -> Float32Array:
    """A helicoid of one turn, closed by a flat face along the axis."""
    climb = np.float32(surface.size_mm / (2 * np.pi))
    radius = np.hypot(u, v) + np.float32(1e-3)
    helix = (across - climb * np.arctan2(v, u)) / np.sqrt(1 + (climb / radius) ** 2)
    face = (u < 0) & (np.abs(across) < surface.size_mm / 2)
    near = np.where(face, np.minimum(np.abs(helix), np.abs(v)), np.abs(helix))
    return np.asarray(np.copysign(near, helix), dtype=np.float32)


def _ball(surface: Surface, u: Float32Array, v: Float32Array, across: Float32Array) -> Float32Array:
    return np.asarray(np.sqrt(u * u + v * v + across * across) - np.float32(surface.size_mm))
