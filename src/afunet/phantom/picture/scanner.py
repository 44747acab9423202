"""The scanner's effects on HU: blur, overshoot, metal streaks, shading, noise, 12-bit values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.phantom.config import Scanner
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, Rng

LOWEST_HU, HIGHEST_HU = -1024, 3071
_FWHM = 2.3548
"""Full width at half maximum of a Gaussian, in standard deviations: 2 √(2 ln 2)."""
_METAL_HU = 2600.0
# Errors of a ray per pixel of metal: one grows with the square, one is random. By eye.
_HARDENING_HU, _STARVING_HU = 110.0, 350.0
_FULL_METAL_HU = 8000.0
"""Denser metal has no larger effect."""
_OPAQUE_PX = 40
"""This many pixels of metal let nothing through: rays through more are scaled down to it."""
_OUTSIDE_HU, _BODY_HU = -800, -500
"""HU below which nothing is shaded, and HU above which is the body, where noise is stronger."""
# Overshoot from a wider blur, noise without slow waves: the look of bone kernels, by eye.
_OVERSHOOT_REACH, _LEAST_OVERSHOOT_PX = 1.6, 0.8
_LEAST_GRAIN_PX, _SLOW_LOST = 0.3, 0.7
_NOISE_IN_AIR, _NOISE_OF_BODY = 0.55, 0.6
_BODY_CELL_PX, _BODY_BLUR = 8, 4
_SHADING_CELLS = 4


def scanned(hu: Float32Array, pixel_mm: float, scanner: Scanner, rng: Rng) -> NDArray[np.int16]:
    """One slice (rows, columns) of true HU as the scanner would output it, int16."""
    image = _blurred(hu, pixel_mm, scanner)
    if scanner.streaks > 0 and (hu > _METAL_HU).any():
        streaked = image + scanner.streaks * streaks_hu(hu, rng)
        image = np.where(hu > _METAL_HU, np.maximum(streaked, _METAL_HU), streaked)
    image = image + _shading(hu.shape, scanner, rng) * (hu > _OUTSIDE_HU)
    image = image + _noise(hu, pixel_mm, scanner, rng)
    if scanner.round_field:
        image = np.where(_outside_circle(hu.shape), np.float32(LOWEST_HU), image)
    return np.clip(np.rint(image), LOWEST_HU, HIGHEST_HU).astype(np.int16)


def _blurred(hu: Float32Array, pixel_mm: float, scanner: Scanner) -> Float32Array:
    sigma = scanner.psf_mm / _FWHM / pixel_mm
    image = ndimage.gaussian_filter(hu, sigma) if sigma > 0.1 else hu
    if scanner.sharpness > 0:
        wide = ndimage.gaussian_filter(image, max(_OVERSHOOT_REACH * sigma, _LEAST_OVERSHOOT_PX))
        image = image + scanner.sharpness * (image - wide)
    return np.asarray(image, dtype=np.float32)


def _noise(hu: Float32Array, pixel_mm: float, scanner: Scanner, rng: Rng) -> Float32Array:
    """Grainy noise, stronger in the middle of the body, weaker in air."""
    if scanner.noise_hu == 0:
        return np.zeros(hu.shape, dtype=np.float32)
    sigma = max(scanner.grain_mm / _FWHM / pixel_mm, _LEAST_GRAIN_PX)
    white = rng.standard_normal(hu.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(white, sigma, mode="wrap")
    grain -= _SLOW_LOST * ndimage.gaussian_filter(grain, 3 * sigma, mode="wrap")
    grain /= grain.std()
    body = ndimage.gaussian_filter(
        ndimage.zoom((hu > _BODY_HU).astype(np.float32), 1 / _BODY_CELL_PX, order=0), _BODY_BLUR
    )
    grown = ndimage.zoom(body, np.array(hu.shape) / np.array(body.shape), order=1)
    strength = _NOISE_IN_AIR + _NOISE_OF_BODY * grown
    return np.asarray(grain * strength * np.float32(scanner.noise_hu), dtype=np.float32)


def _shading(shape: tuple[int, ...], scanner: Scanner, rng: Rng) -> Float32Array:
    coarse = rng.normal(0, scanner.shading_hu, (_SHADING_CELLS, _SHADING_CELLS)).astype(np.float32)
    zoomed = ndimage.zoom(coarse, np.array(shape) / _SHADING_CELLS, order=1)
    return np.asarray(zoomed, dtype=np.float32)


def _outside_circle(shape: tuple[int, ...]) -> BoolArray:
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.asarray(np.hypot(y[:, None], x[None, :]) > max(shape) / 2)


def streaks_hu(hu: Float32Array, rng: Rng, angles: int = 240) -> Float32Array:
    """Streaks from the metal in a slice, in HU to add.

    Rays through metal are measured too low (beam hardening) and too noisy (few photons). Only this
    error is projected back, since filtered back projection is linear.
    """
    rows, columns = hu.shape
    y, x = np.nonzero(hu > _METAL_HU)
    weight = np.minimum(hu[y, x], _FULL_METAL_HU) / _FULL_METAL_HU
    bins = int(np.hypot(rows, columns)) + 3
    theta = np.arange(angles) * np.pi / angles
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])
    sinogram = np.zeros((angles, bins))
    for k, angle in enumerate(theta):
        place = (x - middle[1]) * np.cos(angle) + (y - middle[0]) * np.sin(angle) + bins / 2
        low = place.astype(int)
        sinogram[k] = np.bincount(low, weight * (1 - place + low), bins)[:bins]
        sinogram[k] += np.bincount(low + 1, weight * (place - low), bins)[:bins]
    metal = sinogram * _OPAQUE_PX / max(sinogram.max(), _OPAQUE_PX)
    error = -_HARDENING_HU * metal**2 + _STARVING_HU * metal * rng.standard_normal(metal.shape)
    return _back_projected(_ramp(error), theta, (rows, columns))


def _ramp(sinogram: FloatArray) -> FloatArray:
    frequency = np.abs(np.fft.rfftfreq(sinogram.shape[1]))
    window = np.cos(np.pi * frequency) ** 2
    spectrum = np.fft.rfft(sinogram, axis=1) * frequency * window
    return np.fft.irfft(spectrum, n=sinogram.shape[1], axis=1)


def _back_projected(
    sinogram: FloatArray, theta: FloatArray, shape: tuple[int, int]
) -> Float32Array:
    """Mean over angles, computed on every second pixel and interpolated."""
    rows, columns = (np.arange(0, n + 1, 2) - (n - 1) / 2 for n in shape)
    image = np.zeros((len(rows), len(columns)), dtype=np.float32)
    positions = np.arange(sinogram.shape[1])
    for row, angle in zip(sinogram, theta, strict=True):
        place = rows[:, None] * np.sin(angle) + columns[None, :] * np.cos(angle)
        place = place + sinogram.shape[1] / 2
        image += np.interp(place, positions, row).astype(np.float32)
    fine = ndimage.zoom(image / len(theta), 2, order=1)[: shape[0], : shape[1]]
    padded = np.zeros(shape, dtype=np.float32)
    padded[: fine.shape[0], : fine.shape[1]] = fine
    return np.asarray(padded * np.pi, dtype=np.float32)
