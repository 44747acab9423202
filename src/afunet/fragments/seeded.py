"""Divide one piece into a part for each seed, along the ridge between the seeds.

With evidence for contacts, from a network or from dark lines in the scan, the piece is cut into
small regions that meet at contacts. Those with the least contact between them are joined first,
but never two seeds. Where the parts meet with little contact, the next kind of evidence is asked.
Without evidence the piece is cut into the basins of its depth below the surface, which are joined
into lumps between necks; lumps of several seeds are divided halfway, and the other lumps are joined
to them over the widest necks first.
Both run on cells of about `CELL_MM`; then the voxels beside the cut are divided again.
"""

from __future__ import annotations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.segmentation import watershed

from afunet.fragments.agglomeration import agglomerated, borders_of
from afunet.fragments.bonds import joined_regions
from afunet.fragments.ridges import Cell, Factors, FloatArray, Ridges, blocks_of
from afunet.fragments.supervoxels import supervoxels
from afunet.geometry import Volume, bounding_box

CELL_MM = 1.4
SEEN = 0.3  # the mean evidence where parts meet, at least
NECK = 0.6  # where a piece is thinner than this share of the thinner side, there is a neck
BASIN_MM = 1.0  # two maxima of depth closer than this belong to one basin
ALWAYS_JOINED = 0.999
EVERYWHERE = (slice(None), slice(None), slice(None))
CORNERS = np.ones((3, 3, 3), dtype=np.bool_)

IntArray = NDArray[np.int32]


def parts_of_seeds(inside: Volume, seeds: NDArray[np.intp], ridges: Ridges) -> NDArray[np.integer]:
    """Return 1, 2, … in the part of each seed, 0 outside the piece, (slice, row, column).

    `inside` is the piece, true, in its box; `seeds` (N, 3) are different voxels of it.
    """
    factors = _factors(inside.array_spacing_mm)
    if len(np.unique(seeds // factors, axis=0)) < len(seeds):
        factors = (1, 1, 1)
    cells = blocks_of(np.logical_or, inside.voxels, factors, np.bool_)
    grid = Volume(cells, _coarser(inside.affine, factors))
    parts, followed = _grown(grid, seeds // factors, ridges, factors)
    if factors == (1, 1, 1):
        return parts
    return _sharpened(parts, inside, seeds, followed, factors)


def _factors(spacing_mm: tuple[float, float, float]) -> Factors:
    first, second, third = (max(1, int(CELL_MM / mm + 1e-6)) for mm in spacing_mm)
    return first, second, third


def _coarser(affine: NDArray[np.float64], factors: Factors) -> NDArray[np.float64]:
    coarse = affine.copy()
    steps = np.array(factors[::-1])
    coarse[:3, :3] = affine[:3, :3] * steps
    coarse[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((steps - 1) / 2)
    return coarse


def _grown(
    grid: Volume, seeds: NDArray[np.intp], ridges: Ridges, factors: Factors
) -> tuple[IntArray, Ridges]:
    """Return the part of every cell of the piece, from 1, and the evidence that was followed."""
    inside, spacing_mm = grid.voxels, grid.array_spacing_mm
    for kind in ridges.kinds:
        evidence = kind.evidence(grid, EVERYWHERE, factors)
        if evidence is not None:
            parts, seen = _parted_at_ridges(inside, seeds, evidence, spacing_mm)
            if seen >= SEEN:
                return _completed(parts, inside, spacing_mm), kind
    parts = _parted_at_necks(inside, seeds, spacing_mm)
    return _completed(parts, inside, spacing_mm), Ridges()


def _parted_at_ridges(
    inside: NDArray[np.bool_],
    seeds: NDArray[np.intp],
    evidence: FloatArray,
    spacing_mm: tuple[float, float, float],
) -> tuple[IntArray, float]:
    """Return the part of each cell, 0 in components without a seed; the evidence where parts meet.

    Parts that do not meet need no evidence.
    """
    regions = supervoxels(inside, evidence, spacing_mm)
    regions, seed_of = _seeded(regions, seeds, spacing_mm)
    sizes = np.bincount(regions.ravel(), minlength=len(seed_of))
    found = agglomerated(
        sizes,
        borders_of(regions, evidence),
        lambda border, smaller: min(border.mean, ALWAYS_JOINED),
        seed_of > 0,
    )
    part_of = np.zeros(len(seed_of), dtype=np.int32)
    seeded = np.flatnonzero(seed_of)
    part_of[found.owner[seeded]] = seed_of[seeded]
    faces = sum(border.faces for border in found.borders.values())
    contact = sum(border.contact for border in found.borders.values())
    return part_of[found.owner][regions], contact / faces if faces else 1.0


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
    left = np.argwhere(inside & (parts == 0))
    if len(left):
        known = np.argwhere(parts > 0)
        _, nearest = KDTree(known * spacing_mm).query(left * spacing_mm)
        parts[tuple(left.T)] = parts[tuple(known[nearest].T)]
    return parts


def _sharpened(
    parts: IntArray, inside: Volume, seeds: NDArray[np.intp], ridges: Ridges, factors: Factors
) -> NDArray[np.integer]:
    """Return the parts of cells as parts of voxels, divided again in a band around the cut."""
    small = parts.astype(np.min_scalar_type(len(seeds)))
    fine = _finer(small, factors, inside.shape) * inside.voxels
    band = _band(parts)
    rim = np.asarray(ndimage.binary_dilation(band, CORNERS))
    around = bounding_box(rim)
    if around is not None:
        first, second, third = (
            slice(axis.start * factor, min(axis.stop * factor, size))
            for axis, factor, size in zip(around, factors, inside.shape, strict=True)
        )
        box = (first, second, third)
        affine = inside.affine.copy()
        affine[:3, 3] = inside.to_mm([axis.start for axis in reversed(box)])
        piece = Volume(inside.voxels[box], affine)
        near = _finer(rim[around], factors, piece.shape) & piece.voxels
        markers = fine[box] * near
        markers[_finer(band[around], factors, piece.shape)] = 0
        start = [axis.start for axis in box]
        for number, seed in enumerate(seeds - start, start=1):
            if (seed >= 0).all() and (seed < piece.shape).all():
                markers[tuple(seed)] = number
        depth_mm = edt.edt(piece.voxels, anisotropy=piece.array_spacing_mm, parallel=0)
        if (evidence := ridges.evidence(piece, box, (1, 1, 1))) is not None:
            depth_mm *= 1 - evidence
        again = watershed(-depth_mm, markers.astype(np.int32), CORNERS, mask=near)
        fine[box] = np.where(again > 0, again, fine[box])
    fine[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    return np.asarray(fine)


def _band(parts: IntArray) -> NDArray[np.bool_]:
    """Return the cells that touch a cell of another part."""
    lowest = ndimage.minimum_filter(np.where(parts > 0, parts, parts.max() + 1), 3)
    return np.asarray(lowest < ndimage.maximum_filter(parts, 3), dtype=np.bool_)


def _finer(cells: NDArray[Cell], factors: Factors, shape: tuple[int, int, int]) -> NDArray[Cell]:
    """Return the cells as voxels of a volume of this shape."""
    for axis, factor in enumerate(factors):
        cells = cells.repeat(factor, axis=axis)
    return cells[: shape[0], : shape[1], : shape[2]]
