"""The bone before it moves: its depth, its fragments and where they touch."""

from __future__ import annotations

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.fragments.broken_bone import BrokenBone
from afunet.phantom.hybrid.cells import cells_at
from afunet.phantom.hybrid.lookalikes import painted
from afunet.phantom.hybrid.plan import Break
from afunet.phantom.hybrid.whole import Whole, boxed, whole_of
from afunet.phantom.shapes.arrays import Float32Array, FloatArray

SMALLEST_MM3 = 50.0
"""A smaller piece stays with the neighbour that it touches most."""
_BEYOND_VOXELS = 2
_MOST_FRAGMENTS = 250


@dataclass(frozen=True, eq=False)
class Part:
    """The share of one cell that belongs to a fragment, by the numbers of its connected pieces."""

    cell: int
    pieces: frozenset[int]


@dataclass(frozen=True, eq=False)
class Touch:
    """A fragment's contact with the larger one that it touches most.

    `normal` is the mean unit normal (3,), towards the fragment; `middle_mm` (3,) is in the bone's
    frame.
    """

    other: int
    normal: FloatArray
    middle_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Home:
    """A bone's arrays within its box, and its fragments, the largest first.

    `hu` goes on outside the bone as at its surface. `pieces` numbers the connected pieces of all
    cells from 1, and `cell_of` gives the cell of each. `points` are the voxel centres (N, 3) of
    each fragment in the bone's frame.
    """

    whole: Whole
    hu: Float32Array
    pieces: NDArray[np.integer]
    cell_of: NDArray[np.integer]
    fragments: list[tuple[Part, ...]]
    touches: list[Touch | None]
    points: list[Float32Array]

    def owners(self, cell: int) -> NDArray[np.integer]:
        """The piece of a cell that is nearest, up to two voxels beyond the cell; 0 farther out."""
        mine = np.where(self.cell_of[self.pieces] == cell, self.pieces, 0)
        return np.where(mine > 0, mine, ndimage.maximum_filter(mine, 2 * _BEYOND_VOXELS + 1))

    def coefficients(self, order: int) -> Float32Array:
        """The HU's spline coefficients of an order; those of order 1 are the HU."""
        if order < 2:
            return self.hu
        return np.asarray(ndimage.spline_filter(self.hu, order, np.float32, mode="nearest"))

    def indices(self, points: Float32Array) -> Float32Array:
        """Fractional indices (3, N) into the arrays of points (N, 3) of the bone's frame."""
        return np.asarray((points / self.whole.spacing_mm - self.whole.first).T, dtype=np.float32)


def home_of(bone: BrokenBone, plan: Break) -> Home:
    """Paint what ends inside a bone, then divide it by the plan's cuts.

    Pieces under 50 mm³ stay with the neighbour that they touch most, islands of the
    bone with the largest piece on their side.
    """
    whole, hu = whole_of(bone), boxed(bone)
    inside, spacing_mm = whole.inside, whole.spacing_mm
    hu[inside] = painted(hu[inside], whole.points, plan, float(spacing_mm.mean()))
    cells = cells_at(plan.cuts, whole.points)
    volume = np.zeros(inside.shape, dtype=np.uint16)
    volume[inside] = cells + 1
    pieces = cc3d.connected_components(volume, connectivity=26)
    of_voxels = pieces[inside]
    count = int(of_voxels.max())
    cell_of = np.zeros(count + 1, dtype=np.int64)
    cell_of[of_voxels] = cells
    sizes: FloatArray = np.bincount(of_voxels, minlength=count + 1) * np.prod(spacing_mm)
    groups = _groups(pieces, sizes, cell_of)
    fragment_of = np.zeros(count + 1, dtype=np.int64)
    for number, group in enumerate(groups, 1):
        fragment_of[group] = number
    labels = fragment_of[of_voxels]
    return Home(
        whole=whole,
        hu=whole.continued(hu),
        pieces=pieces,
        cell_of=cell_of,
        fragments=[_parts(group, cell_of) for group in groups],
        touches=_touches(fragment_of[pieces], len(groups), whole),
        points=[whole.points[labels == number] for number in range(1, len(groups) + 1)],
    )


def _groups(
    pieces: NDArray[np.integer], sizes: FloatArray, cell_of: NDArray[np.integer]
) -> list[list[int]]:
    """Numbers of pieces that are one fragment each, by size; small ones join a neighbour."""
    host = {int(piece): int(piece) for piece in np.argsort(-sizes, kind="stable") if piece}
    touching = cc3d.contacts(pieces, connectivity=26)
    largest = next(iter(host))
    for piece in reversed(list(host)):
        alone = not any(piece in pair for pair in touching)
        if (sizes[piece] < SMALLEST_MM3 or alone) and piece != largest:
            host[piece] = _neighbour(piece, touching, sizes, cell_of, largest)
    groups: dict[int, list[int]] = {}
    for piece in host:
        at = piece
        while host[at] != at:
            at = host[at]
        groups.setdefault(at, []).append(piece)
    return sorted(groups.values(), key=lambda group: -float(sizes[group].sum()))[:_MOST_FRAGMENTS]


def _neighbour(
    piece: int,
    touching: dict[tuple[int, int], float],
    sizes: FloatArray,
    cell_of: NDArray[np.integer],
    largest: int,
) -> int:
    """The larger piece that a small one touches most, or else the largest one of its cell."""
    areas = {(set(pair) - {piece}).pop(): area for pair, area in touching.items() if piece in pair}
    larger = {other: area for other, area in areas.items() if sizes[other] > sizes[piece]}
    if larger:
        return int(max(larger, key=lambda other: larger[other]))
    same = np.flatnonzero((cell_of == cell_of[piece]) & (sizes > sizes[piece]))
    return int(same[np.argmax(sizes[same])]) if len(same) else largest


def _parts(group: list[int], cell_of: NDArray[np.integer]) -> tuple[Part, ...]:
    by_cell: dict[int, list[int]] = {}
    for piece in group:
        by_cell.setdefault(int(cell_of[piece]), []).append(piece)
    return tuple(Part(cell, frozenset(pieces)) for cell, pieces in by_cell.items())


def _touches(labels: NDArray[np.integer], count: int, whole: Whole) -> list[Touch | None]:
    """For every fragment its contact with a larger one; None for the first and where alone."""
    size = count + 1
    normals, middles = np.zeros((size, size, 3)), np.zeros((size, size, 3))
    areas = np.zeros((size, size))
    spacing_mm = whole.spacing_mm
    face_mm2 = np.prod(spacing_mm) / spacing_mm
    for axis in range(3):
        low = np.moveaxis(labels, axis, 0)[:-1]
        high = np.moveaxis(labels, axis, 0)[1:]
        at = np.nonzero((low != high) & (low > 0) & (high > 0))
        one, other = low[at], high[at]
        along, *across = (index.astype(np.float64) for index in at)
        across.insert(axis, along + 0.5)
        places = np.stack(across, axis=-1)
        sign = np.where(one < other, 1.0, -1.0)
        pair = (np.minimum(one, other), np.maximum(one, other))
        np.add.at(normals[..., axis], pair, sign * face_mm2[axis])
        np.add.at(middles, pair, (places + whole.first) * spacing_mm * face_mm2[axis])
        np.add.at(areas, pair, face_mm2[axis])
    return [None, *(_touch(n, areas, normals, middles) for n in range(2, size))]


def _touch(
    number: int, areas: FloatArray, normals: FloatArray, middles: FloatArray
) -> Touch | None:
    other = int(np.argmax(areas[:number, number]))
    area = areas[other, number]
    length = float(np.linalg.norm(normals[other, number]))
    if area == 0 or length == 0:
        return None
    return Touch(other - 1, normals[other, number] / length, middles[other, number] / area)
