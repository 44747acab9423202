"""Correct a label map of pieces by hand: join, part, erase, paint. A label map in, a label map out.

Pieces that are not named keep their label and their voxels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import InputError
from afunet.fragments.contact_map import are_contacts_shipped, contact_map
from afunet.fragments.cut import Cut
from afunet.fragments.ridges import Ridges
from afunet.fragments.seeded import parts_of_seeds
from afunet.geometry import Box, Volume, bounding_box, label_boxes
from afunet.geometry.labels import label_sizes

Point = tuple[float, float, float]
Voxel = tuple[int, int, int]
ALL_BACKGROUND = 0
LARGEST = 65535
AROUND_MM = 3.0
LEAST_REACH_MM = 30.0
"""The network looks for contacts at least so far around the seeds of parts."""


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
    by_network: bool = True,
) -> Volume:
    """Return the map with a piece divided into one part for each of two or more seeds in LPS mm.

    The part of the first seed keeps the label; the others get the numbers after the highest label,
    in the order of their seeds. No part holds two seeds, and together the parts are the piece.
    `contact`, a probability from 0 to 1 on any grid, says where fragments touch; if there is none,
    the shipped network sees it in the `scan`, in HU on the grid of the labels, unless `by_network`
    is false. Without a contact between the seeds the cut follows dark lines, or thin places.

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
    hu = None if scan is None else scan.voxels[box]
    if contact is None and hu is not None and by_network and are_contacts_shipped():
        bone, around = Volume(inside.astype(np.uint8), affine), Volume(hu, affine)
        contact = contact_map(bone, around, within=_around(seeds - first, labels.array_spacing_mm))
    parts = parts_of_seeds(Volume(inside, affine), seeds - first, Ridges(contact, hu))
    highest = int(labels.voxels.max())
    numbers = np.array([ALL_BACKGROUND, piece, *range(highest + 1, highest + len(seeds))])
    found = labels.voxels.astype(
        np.promote_types(labels.voxels.dtype, np.min_scalar_type(int(numbers.max())))
    )
    others = parts > 1
    found[box][others] = numbers[parts[others]]
    return labels.with_voxels(found)


def _around(seeds: NDArray[np.intp], spacing_mm: tuple[float, float, float]) -> Box:
    """The box round seeds (N, 3) in which a cut between them may run, however it bends."""
    spacing = np.array(spacing_mm)
    longest_mm = float(np.linalg.norm(np.ptp(seeds, axis=0) * spacing))
    reach = np.ceil(max(LEAST_REACH_MM, longest_mm / 2) / spacing).astype(np.intp)
    low, high = np.maximum(seeds.min(axis=0) - reach, 0), seeds.max(axis=0) + reach + 1
    return box_at(low.tolist(), (high - low).tolist())


def paint(labels: Volume, first: Voxel, voxels: NDArray[np.integer]) -> Volume:
    """Return the map with new labels in the box that begins at voxel `first`.

    `first` and `voxels` count (slice, row, column). Labels that no piece has make new pieces; 0
    erases. Raises `InputError` (`PAINT_UNFIT`) for a box that is not all inside the map and for
    labels that are no integers from 0 to `LARGEST`.
    """
    _require_fit(labels, first, voxels)
    largest = np.min_scalar_type(int(voxels.max()))
    found = labels.voxels.astype(np.promote_types(labels.voxels.dtype, largest))
    found[box_at(first, voxels.shape)] = voxels
    return labels.with_voxels(found)


def box_at(first: Sequence[int], shape: Sequence[int]) -> Box:
    """Return the box of this shape whose first voxel is `first`."""
    one, two, three = (slice(start, start + size) for start, size in zip(first, shape, strict=True))
    return one, two, three


def _require_fit(labels: Volume, first: Voxel, voxels: NDArray[np.integer]) -> None:
    ends = [start + size for start, size in zip(first, voxels.shape, strict=False)]
    if (
        voxels.ndim != 3
        or 0 in voxels.shape
        or min(first) < 0
        or any(np.array(ends) > labels.shape)
    ):
        raise InputError(
            f"painted labels of shape {voxels.shape} from voxel {first} do not fit into a map of "
            f"shape {labels.shape}: give (slice, row, column) labels inside it",
            code="PAINT_UNFIT",
        )
    kind = voxels.dtype
    if not np.issubdtype(kind, np.integer) or voxels.min() < 0 or voxels.max() > LARGEST:
        raise InputError(
            f"painted labels are {kind} from {voxels.min()} to {voxels.max()}, expected integers "
            f"from 0 to {LARGEST}",
            code="PAINT_UNFIT",
        )


@dataclass(frozen=True)
class Change:
    """How many voxels have another label than before, and the box around them, None if none."""

    voxels: int = 0
    box: Box | None = None


def change_of(before: Volume, after: Volume) -> Change:
    """Return what differs between two maps on one grid."""
    if after.voxels is before.voxels:
        return Change()
    count, levels, shadow = 0, [], np.zeros(before.shape[1:], np.bool_)
    for level, (one, other) in enumerate(zip(before.voxels, after.voxels, strict=True)):
        differ = one != other
        if here := int(np.count_nonzero(differ)):
            count += here
            levels.append(level)
            shadow |= differ
    if not count:
        return Change()
    box = bounding_box(shadow[None])
    assert box is not None
    return Change(count, (slice(levels[0], levels[-1] + 1), *box[1:]))


def digest_of_labels(labels: Volume) -> str:
    """Return the SHA-256 of a map's shape and labels, whatever the type that stores them."""
    sha = hashlib.sha256(repr(labels.shape).encode())
    stored = "u1" if labels.voxels.max() < 256 else "<u4"
    for plane in labels.voxels:
        sha.update(np.ascontiguousarray(plane, dtype=stored).data)
    return sha.hexdigest()


def unchanged(before: Volume, after: Volume, box: Box | None) -> frozenset[int]:
    """Return the labels that have the same voxels in both maps, which differ in a box at most."""
    there = {*np.flatnonzero(label_sizes(after.voxels)).tolist()}
    if box is None:
        return frozenset(there)
    one, other = before.voxels[box], after.voxels[box]
    differ = one != other
    changed = (np.flatnonzero(label_sizes(voxels * differ)) for voxels in (one, other))
    return frozenset(there.difference(*(labels.tolist() for labels in changed)))


def label_at(cut: Cut, before: Volume, after: Volume) -> int | None:
    """Return the label that the bone at a cut which was not made has after a correction.

    It is None if a part of that bone got another label than the rest, or none, as far around the
    cut's centre as a disc of its area and `AROUND_MM` reach.
    """
    reach = np.sqrt(cut.area_mm2 / np.pi) + AROUND_MM
    middle = before.to_indices(cut.centre_mm)[::-1]
    steps = reach / np.array(before.array_spacing_mm)
    box = tuple(
        slice(max(0, int(at - step)), max(0, int(at + step) + 1))
        for at, step in zip(middle, steps, strict=True)
    )
    found = np.unique(after.voxels[box][before.voxels[box] == cut.one])
    return int(found[0]) if len(found) == 1 and found[0] else None


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
