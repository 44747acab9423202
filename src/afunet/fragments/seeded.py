"""Divide one piece into a part for each seed, along the ridge between the seeds.

With evidence for contacts, from a network or from dark lines in the scan, a voxel belongs to the
seed of the shortest way through the piece, ways over a ridge being long: a hole in the ridge lets
only what lies behind it through. Without evidence the piece is cut into the basins of its depth
below the surface, which are joined into lumps between necks; lumps of several seeds are divided
halfway, and the other lumps are joined to them over the widest necks first.
Both run on cells of about `CELL_MM`; then the voxels beside the cut are divided again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric
from skimage.segmentation import watershed

from afunet.fragments.bonds import joined_regions
from afunet.geometry import Box, Volume, bounding_box

CELL_MM = 1.4
HOLE_MM = 0.6  # evidence is smoothed so far (standard deviation)
RIDGE = 30.0
NECK = 0.6  # where a piece is thinner than this share of the thinner side, there is a neck
BASIN_MM = 1.0  # two maxima of depth closer than this belong to one basin
LINE_MM, DARK_HU = 5.0, 200.0  # the widest dark line, and how much darker a sure one is
NOISE_HU = 30.0  # trabecular bone is as uneven as this
CORNERS = np.ones((3, 3, 3), dtype=np.bool_)

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int32]
Cell = TypeVar("Cell", bound=np.generic)
Factors = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Ridges:
    """What shows where fragments touch: a probability on any grid, or HU in the piece's box."""

    contact: Volume | None = None
    hu: NDArray[np.number] | None = None

    def evidence(self, inside: Volume, box: Box, factors: Factors) -> FloatArray | None:
        """Return the evidence from 0 to 1 on a grid, `factors` voxels of the `box` to a cell.

        None if there is nothing that shows any.
        """
        if self.contact is not None:
            step = np.linalg.inv(self.contact.affine) @ inside.affine
            # ndimage counts (slice, row, column), affines (column, row, slice)
            matrix, offset = step[:3, :3][::-1, ::-1], step[:3, 3][::-1]
            values = self.contact.voxels.astype(np.float32, copy=False)
            found = ndimage.affine_transform(values, matrix, offset, inside.shape, order=1)
            smooth = ndimage.gaussian_filter(
                found, [HOLE_MM / mm for mm in inside.array_spacing_mm]
            )
            return np.asarray(np.clip(smooth, 0, 1), dtype=np.float32)
        if self.hu is not None:
            hu = _blocks(self.hu[box].astype(np.float32), factors).mean(axis=(1, 3, 5))
            smooth = ndimage.gaussian_filter(hu, [HOLE_MM / mm for mm in inside.array_spacing_mm])
            size = [2 * int(LINE_MM / 2 / mm) + 3 for mm in inside.array_spacing_mm]
            darker = ndimage.grey_closing(smooth, size) - smooth - NOISE_HU
            return np.asarray(np.clip(darker / DARK_HU, 0, 1), dtype=np.float32)
        return None


def parts_of_seeds(inside: Volume, seeds: NDArray[np.intp], ridges: Ridges) -> IntArray:
    """Return 1, 2, … in the part of each seed, 0 outside the piece, (slice, row, column).

    `inside` is the piece, true, in its box; `seeds` (N, 3) are different voxels of it.
    """
    factors = _factors(inside.array_spacing_mm)
    if len(np.unique(seeds // factors, axis=0)) < len(seeds):
        factors = (1, 1, 1)
    cells = np.asarray(_blocks(inside.voxels, factors).any(axis=(1, 3, 5)))
    grid = Volume(cells, _coarser(inside.affine, factors))
    whole = (slice(None), slice(None), slice(None))
    parts = _grown(grid, seeds // factors, ridges.evidence(grid, whole, factors))
    if factors != (1, 1, 1):
        parts = _sharpened(parts, inside, seeds, ridges, factors)
    return parts


def _factors(spacing_mm: tuple[float, float, float]) -> Factors:
    first, second, third = (max(1, int(CELL_MM / mm + 1e-6)) for mm in spacing_mm)
    return first, second, third


def _blocks(voxels: NDArray[Cell], factors: Factors) -> NDArray[Cell]:
    """Return the voxels as (slices, in a cell, rows, in a cell, columns, in a cell).

    The last voxels are repeated to fill a cell.
    """
    short = [(0, -size % factor) for size, factor in zip(voxels.shape, factors, strict=True)]
    padded = np.pad(voxels, short, mode="edge")
    shape = [part for n, f in zip(padded.shape, factors, strict=True) for part in (n // f, f)]
    return padded.reshape(shape)


def _coarser(affine: NDArray[np.float64], factors: Factors) -> NDArray[np.float64]:
    coarse = affine.copy()
    steps = np.array(factors[::-1])
    coarse[:3, :3] = affine[:3, :3] * steps
    coarse[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((steps - 1) / 2)
    return coarse


def _grown(grid: Volume, seeds: NDArray[np.intp], evidence: FloatArray | None) -> IntArray:
    """Return the part of every cell of the piece, from 1."""
    inside, spacing_mm = grid.voxels, grid.array_spacing_mm
    if evidence is None:
        parts = _parted_at_necks(inside, seeds, spacing_mm)
    else:
        parts = _parted_at_ridges(inside, seeds, evidence, spacing_mm)
    return _completed(parts, inside, spacing_mm)


def _parted_at_ridges(
    inside: NDArray[np.bool_],
    seeds: NDArray[np.intp],
    evidence: FloatArray,
    spacing_mm: tuple[float, float, float],
) -> IntArray:
    """Return the seed of the shortest way to each cell; 0 where no way leads.

    A millimetre on a sure ridge is as long as 1 + `RIDGE` millimetres elsewhere.
    """
    lengths = np.where(inside, 1 + RIDGE * evidence, -1).astype(np.float64)
    ways = MCP_Geometric(lengths, sampling=spacing_mm)
    _, back = ways.find_costs(list(map(tuple, seeds)))
    numbers = np.zeros(inside.size, dtype=np.int32)
    numbers[np.ravel_multi_index(tuple(seeds.T), inside.shape)] = np.arange(1, len(seeds) + 1)
    return numbers[_starts(back, np.asarray(ways.offsets))].reshape(inside.shape)


def _starts(back: NDArray[np.integer], offsets: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the flat index where the way to each cell starts; its own where no way leads.

    `back` is the number of the offset by which a cell was reached, below 0 at a start.
    """
    steps = np.append(offsets @ np.array([back[0].size, back.shape[2], 1]), 0)
    start = np.arange(back.size) - steps[np.where(back < 0, -1, back).ravel()]
    while not np.array_equal(further := start[start], start):
        start = further
    return start


def _parted_at_necks(
    inside: NDArray[np.bool_], seeds: NDArray[np.intp], spacing_mm: tuple[float, float, float]
) -> IntArray:
    """Return the seed of the lump that each cell belongs to; 0 in components without a seed."""
    depth_mm = edt.edt(inside, anisotropy=spacing_mm, black_border=True, parallel=0)
    basins = _basins(inside, depth_mm, spacing_mm)
    none = np.zeros(int(basins.max()) + 1, dtype=np.int64)
    lumps = joined_regions(basins, depth_mm, none, NECK).astype(np.int32)[basins]
    lumps, seed_of = _seeded(lumps, seeds, spacing_mm)
    owner = joined_regions(lumps, depth_mm, seed_of)
    return np.asarray(seed_of[owner][lumps], dtype=np.int32)


def _basins(
    inside: NDArray[np.bool_], relief_mm: FloatArray, spacing_mm: tuple[float, float, float]
) -> IntArray:
    """Return the basins of a relief from 1; every voxel inside has one."""
    reach = [max(3, 2 * round(BASIN_MM / mm) + 1) for mm in spacing_mm]
    deepest = (relief_mm >= ndimage.maximum_filter(relief_mm, reach)) & inside
    markers = cc3d.connected_components(deepest, connectivity=26, out_dtype=np.uint32)
    basins = watershed(-relief_mm, markers.view(np.int32), CORNERS, mask=inside)
    left = inside & (basins == 0)
    if left.any():
        more = cc3d.connected_components(left, connectivity=26, out_dtype=np.uint32)
        basins[left] = more[left] + basins.max()
    return np.asarray(basins, dtype=np.int32)


def _seeded(
    lumps: IntArray, seeds: NDArray[np.intp], spacing_mm: tuple[float, float, float]
) -> tuple[IntArray, NDArray[np.int64]]:
    """Return lumps with at most one seed each, and the seed of each lump, 0 if it has none.

    A lump of several seeds is divided halfway between them.
    """
    held = lumps[tuple(seeds.T)]
    last = int(lumps.max())
    seed_of = np.zeros(last + len(seeds) + 1, dtype=np.int64)
    for lump in np.unique(held):
        sharing = np.flatnonzero(held == lump)
        seed_of[lump] = sharing[0] + 1
        if len(sharing) > 1:
            shared = lumps == lump
            markers = np.zeros(lumps.shape, dtype=np.int32)
            markers[tuple(seeds[sharing].T)] = np.arange(1, len(sharing) + 1)
            away_mm = edt.edt(markers == 0, anisotropy=spacing_mm, parallel=0)
            found = watershed(away_mm, markers, CORNERS, mask=shared)
            numbers = np.array([0, lump, *range(last + 1, last + len(sharing))])
            lumps[shared] = numbers[found[shared]]
            seed_of[numbers[1:]] = sharing + 1
            last = int(numbers[-1])
    return lumps, seed_of


def _completed(
    parts: IntArray, inside: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> IntArray:
    """Give components of the piece without a seed to the nearest part."""
    left = inside & (parts == 0)
    if left.any():
        nearest = ndimage.distance_transform_edt(
            parts == 0, spacing_mm, return_distances=False, return_indices=True
        )
        parts[left] = parts[tuple(nearest[:, left])]
    return parts


def _sharpened(
    parts: IntArray, inside: Volume, seeds: NDArray[np.intp], ridges: Ridges, factors: Factors
) -> IntArray:
    """Return the parts of cells as parts of voxels, divided again in a band around the cut."""
    fine = np.where(inside.voxels, _finer(parts, factors, inside.shape), 0)
    band = _band(parts)
    rim = np.asarray(ndimage.binary_dilation(band, CORNERS))
    around = bounding_box(rim)
    if around is not None:
        first, second, third = (
            slice(axis.start * factor, axis.stop * factor)
            for axis, factor in zip(around, factors, strict=True)
        )
        box = (first, second, third)
        open_ = _finer(band, factors, inside.shape)[box]
        fixed = np.zeros(inside.shape, dtype=np.int32)
        fixed[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
        near = _finer(rim, factors, inside.shape)[box] & inside.voxels[box]
        markers = np.where(open_, fixed[box], fine[box]) * near
        affine = inside.affine.copy()
        affine[:3, 3] = inside.to_mm([axis.start for axis in reversed(box)])
        piece = Volume(inside.voxels[box], affine)
        depth_mm = edt.edt(piece.voxels, anisotropy=piece.array_spacing_mm, parallel=0)
        if (evidence := ridges.evidence(piece, box, (1, 1, 1))) is not None:
            depth_mm *= 1 - evidence
        again = watershed(-depth_mm, markers, CORNERS, mask=near)
        fine[box] = np.where(again > 0, again, fine[box])
    fine[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    return fine


def _band(parts: IntArray) -> NDArray[np.bool_]:
    """Return the cells that touch a cell of another part."""
    lowest = ndimage.minimum_filter(np.where(parts > 0, parts, parts.max() + 1), 3)
    return np.asarray(lowest < ndimage.maximum_filter(parts, 3), dtype=np.bool_)


def _finer(cells: NDArray[Cell], factors: Factors, shape: tuple[int, int, int]) -> NDArray[Cell]:
    """Return the cells as voxels of a volume of this shape."""
    for axis, factor in enumerate(factors):
        cells = cells.repeat(factor, axis=axis)
    return cells[: shape[0], : shape[1], : shape[2]]
