"""A small leg in HU, as a scanner may show it: with or without air, metal, a cast, padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLICES, SIZE, PIXEL_MM = 9, 96, 1.5
AIR, FLESH, FAT, CORTEX, MARROW = -1000.0, 50.0, -100.0, 1200.0, -60.0

FloatArray = NDArray[np.float64]


def leg(slices: int = SLICES, size: int = SIZE, noise_hu: float = 12.0) -> FloatArray:
    """HU (slice, row, column) of a shank that grows towards the knee, whole numbers."""
    z, y, x = np.meshgrid(
        np.linspace(0, 1, slices),
        (np.arange(size) - size / 2 + 0.5) * PIXEL_MM,
        (np.arange(size) - size / 2 + 0.5) * PIXEL_MM,
        indexing="ij",
    )
    hu = np.full(z.shape, AIR)
    skin = np.hypot(x, y)
    hu[skin < 40 + 8 * z] = FAT
    hu[skin < 34 + 8 * z] = FLESH
    for centre, radius, wall in (((-6.0, -8.0), 12 + 3 * z, 4.0), ((18.0, 8.0), 6.0 + 0 * z, 2.5)):
        away = np.hypot(x - centre[0], y - centre[1])
        hu[away < radius] = CORTEX
        hu[away < radius - wall] = MARROW
    return np.rint(hu + np.random.default_rng(3).normal(0, noise_hu, hu.shape))


def _circle(hu: FloatArray, value: float) -> FloatArray:
    rows, columns = np.indices(hu.shape[1:]) - (hu.shape[1] - 1) / 2
    return np.where(np.hypot(rows, columns) > hu.shape[1] / 2, value, hu)


def with_metal(hu: FloatArray, value: float = 3071.0) -> FloatArray:
    """A nail of a centimetre in the tibia with a dark and a bright streak beside it."""
    out = hu.copy()
    out[:, 38:46, 40:47] = value
    out[:, 40:43, 10:38] = -700
    out[:, 40:43, 48:70] += 500
    return out


def with_cast(hu: FloatArray) -> FloatArray:
    """Plaster of 600 HU and wool about the leg."""
    rows, columns = (np.indices(hu.shape[1:]) - (hu.shape[1] - 1) / 2) * PIXEL_MM
    away = np.hypot(rows, columns)
    worn = np.where((away > 54) & (away < 60) & (hu < -500), 600, hu)
    return np.where((away > 48) & (away < 54) & (hu < -500), -920, worn)


def with_table(hu: FloatArray) -> FloatArray:
    """A shell of carbon with foam in it below the leg."""
    out = hu.copy()
    out[:, 84:, :] = -950
    out[:, 84:86, :] = -300
    return out


def small_in_the_field(hu: FloatArray) -> FloatArray:
    """The same leg as three per cent of the field."""
    out = np.random.default_rng(1).normal(AIR, 12, (len(hu), 240, 240)).round()
    out[:, 100:124, 100:124] = hu[:, 36:60, 36:60]
    return out


def empty_at_the_end(hu: FloatArray) -> FloatArray:
    """Three slices beyond the toes."""
    out = hu.copy()
    out[:3] = np.random.default_rng(2).normal(AIR, 12, out[:3].shape).round()
    return out


CLEAN: dict[str, FloatArray] = {
    "plain": leg(),
    "without noise": leg(noise_hu=0),
    "noisy": leg(noise_hu=60),
    "air clipped at -1024": np.maximum(leg(noise_hu=30), -1024),
    "air clipped at -1000": np.maximum(leg(noise_hu=30), -1000),
    "round field, padding -2000": _circle(leg(), -2000),
    "round field, padding -3024": _circle(leg(), -3024),
    "round field, padding -1024": _circle(leg(), -1024),
    "round field, padding 0": _circle(leg(), 0),
    "metal": with_metal(leg()),
    "metal of 20,000 HU": with_metal(leg(), 20000),
    "metal in some slices": np.concatenate([leg()[:4], with_metal(leg())[4:]]),
    "cast": with_cast(leg()),
    "table": with_table(leg()),
    "contrast agent": np.where(np.abs(leg() - FLESH) < 8, 350, leg()),
    "zoomed into flesh": leg(size=192)[:, 72:120, 72:120],
    "leg small in the field": small_in_the_field(leg()),
    "slices beyond the toes": empty_at_the_end(leg()),
    "cone beam, 100 HU too bright": leg(noise_hu=60) + 100,
    "cone beam, 100 HU too dark": leg(noise_hu=60) - 100,
    "cone beam, small in the field": small_in_the_field(leg()) - 100,
    "extended scale": np.rint(with_metal(leg(), 25000) / 10) * 10,
}
