"""The cells into which cuts divide a bone, at any point of space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.phantom.hybrid.plan import Cut, Line
from afunet.phantom.hybrid.surfaces import coordinates, heights_at, value_at
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, IntArray

_RIM_MM = 2.5
"""Depth below the bone's surface down to which a line is wider."""
_EVEN_HURST = 0.3
"""Widths and HU vary over shorter waves than heights do."""


@dataclass(frozen=True, eq=False)
class CutValues:
    """Signed distances (cuts, N) of points to every cut, in mm, and half the kerfs (cuts, N)."""

    distance: Float32Array
    half_kerf: Float32Array


def cut_values(
    cuts: Sequence[Cut], points: Float32Array, depth_mm: Float32Array | None = None
) -> CutValues:
    """Distances to all cuts at points (N, 3); kerfs are 0 unless the depth (N,) is given."""
    distance = np.zeros((len(cuts), len(points)), dtype=np.float32)
    half_kerf = np.zeros_like(distance)
    for index, cut in enumerate(cuts):
        distance[index] = value_at(cut.surface, points)
        if depth_mm is not None:
            half_kerf[index] = _kerf(cut, points, depth_mm) / 2
    return CutValues(distance, half_kerf)


def _kerf(cut: Cut, points: Float32Array, depth_mm: Float32Array) -> Float32Array:
    line: Line = cut.line
    kerf = np.full(len(points), line.kerf_mm, dtype=np.float32)
    if line.kerf_spread_mm:
        kerf += np.float32(line.kerf_spread_mm) * _varied(cut, points, 1)
    if line.rim_mm:
        kerf += np.float32(line.rim_mm) * np.clip(1 - depth_mm / _RIM_MM, 0, 1)
    return np.asarray(np.maximum(kerf, 0))


def _varied(cut: Cut, points: Float32Array, which: int) -> Float32Array:
    u, v, _ = coordinates(cut.surface, points)
    return heights_at(u, v, cut.surface.seed + which, _EVEN_HURST)


def line_hu(
    cuts: Sequence[Cut], values: CutValues, points: Float32Array, beside: BoolArray
) -> Float32Array:
    """HU (N,) that the lines add at points (N, 3); `beside` (cuts, N) says which cuts are there."""
    added = np.zeros(len(points), dtype=np.float32)
    for index, cut in enumerate(cuts):
        near = (np.abs(values.distance[index]) < 3 * cut.line.fade_mm) & beside[index]
        if cut.line.hu and near.any():
            fade = np.exp(-0.5 * (values.distance[index, near] / cut.line.fade_mm) ** 2)
            varied = 1 + np.float32(cut.line.hu_spread) * _varied(cut, points[near], 2)
            added[near] += np.float32(cut.line.hu) * fade * varied
    return added


def signs_of(cuts: Sequence[Cut]) -> list[dict[int, int]]:
    """For every cell the cuts that bound it, each with the side (-1 or 1) that the cell is on."""
    cells: list[dict[int, int]] = [{}]
    for index, cut in enumerate(cuts):
        cells.append({**cells[cut.cell], index: 1})
        cells[cut.cell][index] = -1
    return cells


def cell_depth(values: CutValues, signs: dict[int, int]) -> Float32Array:
    """Depth (N,) below a cell's cut faces, in mm; negative outside, large if nothing cuts it."""
    depth = np.full(values.distance.shape[1], 1e3, dtype=np.float32)
    for index, sign in signs.items():
        depth = np.minimum(depth, sign * values.distance[index] - values.half_kerf[index])
    return depth


def cells_at(cuts: Sequence[Cut], points: Float32Array) -> IntArray:
    """The cell (N,) of each point (N, 3)."""
    found = np.zeros(len(points), dtype=np.int64)
    for index, cut in enumerate(cuts):
        mine = np.flatnonzero(found == cut.cell)
        found[mine[value_at(cut.surface, points[mine]) > 0]] = index + 1
    return found
