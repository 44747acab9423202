"""Find bone that a mask misses: gaps in it in which the CT shows bone or marrow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
Places = NDArray[np.intp]
FloatArray = NDArray[np.floating]
BONE_HU, BONE_MM = 900.0, 10.0
"""A gap up to this width that is nowhere darker than this, which only cortex is, may be bone.

In a CT of feet the joints between spongy bones are 200 to 700 HU.
"""
DARKER_HU = 50.0
"""Bone in a gap is nowhere darker by more than this than the bone on both sides, noise included."""
MARROW_HU, MARROW_MM = -20.0, 2.0
"""A gap up to this width that is nowhere brighter than this is fat, where a fracture has blood."""


def with_missed_bone(
    bone: BoolArray, hu: FloatArray, spacing_mm: tuple[float, float, float]
) -> BoolArray:
    """Return bone (slice, row, column) with the gaps in it that the CT in HU shows to be none.

    A gap lies between bone on a line along an axis.
    """
    found = bone.copy()
    for axis, mm in enumerate(spacing_mm):
        lines, dense = np.moveaxis(bone, axis, -1), np.moveaxis(hu, axis, -1)
        first, apart = _gaps(lines, int(BONE_MM / mm))
        ends = np.minimum(_at(dense, first), _at(dense, first + apart))
        darkest, brightest = _extremes(dense, first, apart)
        missed = darkest >= np.maximum(ends - DARKER_HU, BONE_HU)
        missed |= (brightest <= MARROW_HU) & (apart <= int(MARROW_MM / mm) + 1)
        filled = np.moveaxis(found, axis, -1)
        for _, place in _steps(first[missed], apart[missed]):
            filled[np.unravel_index(place, lines.shape)] = True
    return found


def _gaps(lines: BoolArray, most: int) -> tuple[Places, Places]:
    """The places before gaps of up to `most` voxels along the last axis, and steps across each."""
    at = np.flatnonzero(lines)
    apart = np.diff(at)
    near = (apart > 1) & (apart <= most + 1) & (at[1:] % lines.shape[-1] >= apart)
    return at[:-1][near], apart[near]


def _extremes(dense: FloatArray, first: Places, apart: Places) -> tuple[FloatArray, FloatArray]:
    """The lowest and the highest value in each gap."""
    lowest, highest = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    for within, place in _steps(first, apart):
        value = _at(dense, place)
        lowest[within] = np.minimum(lowest[within], value)
        highest[within] = np.maximum(highest[within], value)
    return lowest, highest


def _steps(first: Places, apart: Places) -> Iterator[tuple[BoolArray, Places]]:
    """Which gaps go on at each step, and their places there."""
    for step in range(1, int(apart.max(initial=1))):
        within = apart > step
        yield within, first[within] + step


def _at(dense: FloatArray, places: Places) -> FloatArray:
    return np.asarray(dense[np.unravel_index(places, dense.shape)])
