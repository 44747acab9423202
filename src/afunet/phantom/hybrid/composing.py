"""Moved fragments on the grid of a scan: which is where, and what they leave and crush."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from afunet.phantom.hybrid.cells import cell_depth, cut_values, line_hu, signs_of
from afunet.phantom.hybrid.home import Home
from afunet.phantom.hybrid.moving import Rigid
from afunet.phantom.hybrid.plan import Break
from afunet.phantom.hybrid.scan_grid import ScanGrid
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, IntArray

_FAR_MM = 2.5
"""How far outside a fragment its depth is still known."""
_FAINT = np.float32(1e-3)
"""Weight of the HU that go on outside a bone: they count only where there is nothing else."""
_CRUSHED_HU = 100.0
"""Crushed trabeculae are this much denser than what their mean HU tells."""


@dataclass(frozen=True, eq=False)
class Composed:
    """What is at each of N points of a scan's grid.

    `label` counts fragments from 1 and is 0 outside bone; `known` says where `hu` means anything,
    which is also in gaps and just outside the bone.
    """

    hu: Float32Array
    label: IntArray
    known: BoolArray


@dataclass(eq=False)
class _Sum:
    """Fragments seen so far at N points: the two deepest, their mean HU, how much they cover."""

    deepest: Float32Array
    second: Float32Array
    label: IntArray
    hull: Float32Array
    weight: Float32Array
    hu: Float32Array
    faces: Float32Array
    bone: Float32Array

    @staticmethod
    def of(count: int) -> _Sum:
        far = np.full(count, -np.inf, dtype=np.float32)
        none = np.zeros(count, dtype=np.float32)
        label = np.zeros(count, dtype=np.int64)
        hull = far.copy()
        return _Sum(far, far.copy(), label, hull, none, none.copy(), none.copy(), none.copy())


@dataclass(frozen=True, eq=False)
class _Seen:
    """One fragment at M points: depth below the bone's surface and below the cut faces, and HU."""

    depth: Float32Array
    face: Float32Array
    hu: Float32Array


def composed(home: Home, rigids: list[Rigid], plan: Break, grid: ScanGrid) -> Composed:
    """The moved fragments at the points of a grid. Where two overlap, the deeper one is named."""
    points, width = grid.points, np.float32(np.mean(grid.step_mm))
    total, texture = _Sum.of(len(points)), home.coefficients(plan.rescan.order)
    for number, rigid in enumerate(rigids):
        bounds = rigid.moved(home.points[number])
        beyond = _FAR_MM + plan.painted_mm
        low, high = bounds.min(axis=0) - beyond, bounds.max(axis=0) + beyond
        near = np.flatnonzero(((points > low) & (points < high)).all(axis=1))
        at = rigid.home(points[near])
        depth = _sampled(home.whole.depth_mm, home, at, 1)
        close = depth > -_FAR_MM
        near, at, depth = near[close], at[close], depth[close]
        _add(total, near, _seen(home, number, at, depth, plan, texture), number + 1, width)
    return _finished(total, plan)


def _sampled(values: Float32Array, home: Home, at: Float32Array, order: int) -> Float32Array:
    found = ndimage.map_coordinates(
        values, home.indices(at), order=order, mode="nearest", prefilter=False
    )
    return np.asarray(found, dtype=np.float32)


def _seen(
    home: Home,
    number: int,
    at: Float32Array,
    depth: Float32Array,
    plan: Break,
    texture: Float32Array,
) -> _Seen:
    values, signs = cut_values(plan.cuts, at, depth), signs_of(plan.cuts)
    face: Float32Array = np.full(len(at), -_FAR_MM, dtype=np.float32)
    beside: BoolArray = np.zeros(values.distance.shape, dtype=np.bool_)
    for part in home.fragments[number]:
        here = _in_part(home, part.cell, part.pieces, at)
        cell = np.where(here, cell_depth(values, signs[part.cell]), -_FAR_MM)
        beside[list(signs[part.cell])] |= cell > face
        face = np.maximum(face, cell)
    hu = _sampled(texture, home, at, plan.rescan.order)
    return _Seen(depth, face, hu + line_hu(plan.cuts, values, at, beside))


def _in_part(home: Home, cell: int, pieces: frozenset[int], at: Float32Array) -> BoolArray:
    """Whether points (N, 3) are nearest to these pieces of a cell, not to others of it."""
    others = set(np.flatnonzero(home.cell_of == cell)) - {0} - pieces
    if not others:
        return np.ones(len(at), dtype=np.bool_)
    places = np.rint(home.indices(at)).astype(np.int64)
    places = np.clip(places, 0, np.array(home.pieces.shape)[:, None] - 1)
    return np.isin(home.owners(cell)[tuple(places)], list(pieces))


def _add(total: _Sum, near: IntArray, seen: _Seen, number: int, width: np.float32) -> None:
    """Count a fragment in at the points `near`; `width` is the voxels', for partial volume."""
    inside = np.minimum(seen.depth, seen.face)
    first, second = total.deepest[near], total.second[near]
    ahead = inside > first
    total.second[near] = np.where(ahead, first, np.maximum(second, inside))
    total.deepest[near] = np.where(ahead, inside, first)
    total.label[near] = np.where(ahead, number, total.label[near])
    total.hull[near] = np.maximum(total.hull[near], seen.depth)
    face = np.clip(seen.face / width + 0.5, 0, 1)
    bone = face * np.clip(seen.depth / width + 0.5, 0, 1)
    weight = bone + _FAINT * face
    total.weight[near] += weight
    total.hu[near] += weight * seen.hu
    total.faces[near] += face
    total.bone[near] += bone


def _finished(total: _Sum, plan: Break) -> Composed:
    gap = np.float32(plan.gap_hu)
    hu = np.where(total.weight > 0, total.hu / np.maximum(total.weight, 1e-9), gap)
    crushed = np.clip(total.bone - 1, 0, 1) * (np.maximum(hu, 0) + np.float32(_CRUSHED_HU))
    closed = np.clip(total.faces, 0, 1)
    hu = closed * hu + (1 - closed) * gap + np.float32(plan.crush) * crushed
    thin = (total.hull > 0) & (-(total.deepest + total.second) < plan.painted_mm)
    inside = (total.deepest > 0) | thin
    known = (total.weight > 0) | (total.hull > 0)
    return Composed(hu.astype(np.float32), np.where(inside, total.label, 0), known)
