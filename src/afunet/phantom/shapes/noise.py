"""Periodic random fields in space: smooth, rough or net-like, determined by the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.phantom.shapes.arrays import Float32Array, Rng
from afunet.phantom.shapes.streams import Stream

_SIZE = 96
FINE, CLOUDY, SMOOTH = (6.0, 0.45), (16.0, 0.9), (24.0, 0.5)
"""Kinds of fields: wavelength in voxels of the cube, and relative bandwidth. By eye."""


@dataclass(frozen=True, eq=False)
class NoiseField:
    """A periodic cube of band-limited Gaussian noise, mean 0 and standard deviation 1."""

    cube: Float32Array
    wavelength_voxels: float

    @staticmethod
    def draw(rng: Rng, wavelength_voxels: float, bandwidth: float) -> NoiseField:
        """A random field with about this wavelength; a relative bandwidth of 1 is broad."""
        white = np.fft.rfftn(rng.standard_normal((_SIZE, _SIZE, _SIZE)).astype(np.float32))
        full, half = np.fft.fftfreq(_SIZE), np.fft.rfftfreq(_SIZE)
        frequency = np.sqrt(
            full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2
        )
        centre = 1 / wavelength_voxels
        band = np.exp(-0.5 * ((frequency - centre) / (bandwidth * centre)) ** 2)
        band[0, 0, 0] = 0
        cube = np.fft.irfftn(white * band)
        return NoiseField((cube / cube.std()).astype(np.float32), wavelength_voxels)

    def at(
        self, points_mm: NDArray[np.floating], wavelength_mm: float | tuple[float, float, float]
    ) -> Float32Array:
        """Values (...) at points (..., 3), scaled to the wavelength along each axis."""
        scale = np.float32(self.wavelength_voxels) / np.asarray(wavelength_mm, dtype=np.float32)
        coordinates = np.moveaxis(points_mm.astype(np.float32) * scale, -1, 0)
        found = ndimage.map_coordinates(self.cube, coordinates, order=1, mode="grid-wrap")
        return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Textures:
    """The fields that all tissues share: `fine` has one wavelength, `cloudy` has many."""

    fine: NoiseField
    cloudy: NoiseField

    @staticmethod
    def draw(seed: int) -> Textures:
        """The fields of a seed."""
        rng = Stream.TEXTURES.of(seed)
        return Textures(NoiseField.draw(rng, *FINE), NoiseField.draw(rng, *CLOUDY))
