"""Correct a label map of pieces by hand: join, part, erase. A label map in, a label map out.

Pieces that are not named keep their label and their voxels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.fragments.seeded import Ridges, parts_of_seeds
from afunet.geometry import Box, Volume, label_boxes
from afunet.geometry.labels import label_sizes

Point = tuple[float, float, float]
ALL_BACKGROUND = 0


def join(labels: Volume, pieces: Sequence[int]) -> Volume:
    """Return the map with all `pieces` under the label of the first; they need not touch.

    Raises `InputError` for fewer than two pieces and for a label that is not in the map.
    """
    pieces = tuple(dict.fromkeys(pieces))
    if len(pieces) < 2:
        raise InputError(
            f"got {len(pieces)} piece to join, expected two or more: name them all",
            code="PIECES_MISCOUNTED",
        )
    return _relabelled(labels, pieces, pieces[0])


def erase(labels: Volume, pieces: Sequence[int]) -> Volume:
    """Return the map with 0 in the place of `pieces`. Raises `InputError` for an unknown label."""
    return _relabelled(labels, pieces, ALL_BACKGROUND)


def part(
    labels: Volume,
    piece: int,
    seeds_mm: Sequence[Point],
    *,
    contact: Volume | None = None,
    scan: Volume | None = None,
) -> Volume:
    """Return the map with a piece divided into one part for each of two or more seeds in LPS mm.

    The part of the first seed keeps the label; the others get the numbers after the highest label,
    in the order of their seeds. No part holds two seeds, and together the parts are the piece.
    `contact`, a probability from 0 to 1 on any grid, says where fragments touch. Without it the
    cut follows dark lines of `scan`, in HU on the grid of the labels, and thin places.

    Raises `InputError` for a label that is not in the map, for fewer than two seeds, for a seed
    outside the piece, and for two seeds in one voxel; `GeometryError` for a scan on another grid.
    """
    box = _boxes_of(labels, (piece,))[piece]
    if scan is not None:
        labels.require_same_grid(scan, "the scan")
    seeds = _seed_voxels(labels, piece, seeds_mm)
    inside = labels.voxels[box] == piece
    first = np.array([axis.start for axis in box])
    affine = labels.affine.copy()
    affine[:3, 3] = labels.to_mm(first[::-1])
    ridges = Ridges(contact, None if scan is None else scan.voxels[box])
    parts = parts_of_seeds(Volume(inside, affine), seeds - first, ridges)
    highest = int(labels.voxels.max())
    numbers = np.array([ALL_BACKGROUND, piece, *range(highest + 1, highest + len(seeds))])
    found = labels.voxels.astype(
        np.promote_types(labels.voxels.dtype, np.min_scalar_type(int(numbers.max())))
    )
    found[box][inside] = numbers[parts[inside]]
    return labels.with_voxels(found)


def digest_of_labels(labels: Volume) -> str:
    """Return the SHA-256 of a map's shape and labels, whatever the type that stores them."""
    sha = hashlib.sha256(repr(labels.shape).encode())
    stored = "u1" if labels.voxels.max() < 256 else "<u4"
    for plane in labels.voxels:
        sha.update(np.ascontiguousarray(plane, dtype=stored).data)
    return sha.hexdigest()


def unchanged(before: Volume, after: Volume) -> frozenset[int]:
    """Return the labels that have the same voxels in both maps, which lie on one grid."""
    same = before.voxels == after.voxels
    count = 1 + int(max(before.voxels.max(), after.voxels.max()))
    kept = label_sizes(np.where(same, after.voxels, 0), count)
    is_same = (label_sizes(before.voxels, count) == kept) & (
        label_sizes(after.voxels, count) == kept
    )
    return frozenset(np.flatnonzero(is_same & (kept > 0)).tolist())


def _relabelled(labels: Volume, pieces: Sequence[int], label: int) -> Volume:
    found = labels.voxels.copy()
    for piece, box in _boxes_of(labels, pieces).items():
        found[box][found[box] == piece] = label
    return labels.with_voxels(found)


def require_pieces(labels: Volume, pieces: Sequence[int]) -> None:
    """Raise `InputError` for a label that is not in the map."""
    _boxes_of(labels, pieces)


def _boxes_of(labels: Volume, pieces: Sequence[int]) -> dict[int, Box]:
    boxes = label_boxes(labels.voxels)
    for piece in pieces:
        if piece not in boxes:
            raise InputError(
                f"there is no piece {piece}: choose from {_listed(sorted(boxes))}",
                code="LABEL_UNKNOWN",
            )
    return {piece: boxes[piece] for piece in pieces}


def _listed(labels: Sequence[int], most: int = 12) -> str:
    named = ", ".join(map(str, labels[:most]))
    return f"{named}, … {labels[-1]}" if len(labels) > most else named or "none"


def _seed_voxels(labels: Volume, piece: int, seeds_mm: Sequence[Point]) -> NDArray[np.intp]:
    """Return the (slice, row, column) of each seed, (N, 3)."""
    if len(seeds_mm) < 2:
        raise InputError(
            f"got {len(seeds_mm)} seeds, expected one in each part, two or more",
            code="SEEDS_TOO_FEW",
        )
    points = np.asarray(seeds_mm, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(points).all():
        raise InputError("a seed is not finite, expected x, y, z in LPS mm", code="SEED_OUTSIDE")
    sees = labels.sees(points)
    indices = np.where(sees[:, None], labels.to_indices(points), 0)
    voxels = np.rint(indices).astype(np.intp)[:, ::-1]
    for number, (seed, point) in enumerate(zip(voxels, points, strict=True), start=1):
        found = int(labels.voxels[tuple(seed)]) if sees[number - 1] else None
        if found != piece:
            where = (
                "outside the volume"
                if found is None
                else f"in {f'piece {found}' if found else 'no piece'}"
            )
            raise InputError(
                f"seed {number} at {_place(point)} mm (LPS) lies {where}, expected piece {piece}",
                code="SEED_OUTSIDE",
            )
    if len(np.unique(voxels, axis=0)) < len(voxels):
        raise InputError(
            f"two of {len(voxels)} seeds lie in one voxel: place each in a part of its own",
            code="SEEDS_COINCIDE",
        )
    return voxels


def _place(point_mm: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.6g}" for value in point_mm)
