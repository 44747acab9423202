"""A fracture in the picture: blood in the gaps, bone changed beside them, pieces that touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.config import Wound
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, Points
from afunet.phantom.shapes.blend import mix, step

Window = tuple[slice, slice]
_BLOOD_MM, _EDGE_MM = 3.5, 3.0
"""Blood reaches this far from the second nearest fragment, with a soft edge."""
_AIR_HU = -250
_SOLID_HU, _SPONGY_HU = 1000.0, 500.0
"""Bone above the first HU is cortex, which nothing changes; below it, the less the denser."""


@dataclass(frozen=True, eq=False)
class Apart:
    """Distances (rows, columns) of a slice to the nearest and second nearest piece of a bone."""

    first_mm: Float32Array
    second_mm: Float32Array

    @staticmethod
    def of(
        pieces: Sequence[tuple[Window, Float32Array]], shape: tuple[int, ...], far_mm: float
    ) -> Apart:
        """From the distances to each piece in its window; `far_mm` elsewhere."""
        first = np.full(shape, far_mm, dtype=np.float32)
        second = first.copy()
        for window, distance in pieces:
            before = first[window]
            second[window] = np.minimum(second[window], np.maximum(before, distance))
            first[window] = np.minimum(before, distance)
        return Apart(first, second)

    def bleed(self, hu: Float32Array, wound: Wound) -> None:
        """Fill what lies between pieces with blood, in place; air stays air."""
        found = (self.second_mm < _BLOOD_MM + _EDGE_MM) & (hu > _AIR_HU)
        share = step(_BLOOD_MM - self.second_mm[found], _EDGE_MM)
        hu[found] = mix(hu[found], np.float32(wound.blood_hu), share)

    def share(
        self, window: Window, piece_mm: Float32Array, inside: BoolArray, pixel_mm: float
    ) -> Float32Array:
        """The share (N,) of each pixel that a piece fills, at the chosen pixels of its window.

        Where pieces overlap, each ends halfway. So the shares of two that touch add up to one, and
        those beside a gap to one without the gap's width.
        """
        mine = piece_mm[inside]
        first, second = self.first_mm[window][inside], self.second_mm[window][inside]
        other = np.where(mine <= first, second, first)
        return step(-np.maximum(mine, (mine - other) / 2), pixel_mm)


def beside_face(hu: Float32Array, face_mm: Float32Array, wound: Wound) -> Float32Array:
    """HU (N,) of bone, changed near fracture surfaces at signed distances (N,)."""
    near = np.exp(-np.square(face_mm / wound.band_mm)) * _softness(hu)
    return np.asarray(hu + wound.beside_hu * near, dtype=np.float32)


def with_line(
    hu: Float32Array, beside_mm: Points, width_mm: Points, wound: Wound, pixel_mm: float
) -> Float32Array:
    """HU (N,) of bone with a line of blood, by the distances from it and its widths (N,)."""
    near = np.exp(-np.square(beside_mm / wound.band_mm)) * _softness(hu) * (width_mm > 0)
    changed = hu + min(wound.beside_hu, 0.0) * near
    line = step(width_mm / 2 - beside_mm, pixel_mm) - step(-width_mm / 2 - beside_mm, pixel_mm)
    return mix(changed, np.float32(wound.blood_hu), np.asarray(line, dtype=np.float32))


def _softness(hu: Float32Array) -> Float32Array:
    """1 for trabecular bone, 0 for cortex (N,)."""
    return np.asarray(np.clip((_SOLID_HU - hu) / _SPONGY_HU, 0, 1), dtype=np.float32)
