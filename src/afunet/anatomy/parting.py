"""Split pieces that are several bones, as happens if a mask shows no joint space.

Differing votes alone never cut a bone. A cut needs sure votes for different bones on its two sides,
and the piece must get thinner between them, as a joint does and a shaft does not. At the hip and
the spine it need get thinner towards one side only: a ball lies in its socket, and the depth falls
from the middle of the ball.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from afunet.anatomy.bones import LEG
from afunet.anatomy.named_grid import NamedGrid, Votes
from afunet.geometry import Box, Volume, box_within, label_boxes
from afunet.geometry.labels import label_sizes

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]
Seeds = NDArray[np.uint8]


@dataclass(frozen=True)
class PartingRules:
    """When a piece is split.

    At least `least_mm3` of it must belong to another bone, counting voxels whose probability is
    `sure` or more. The depth below the surface where the two bones meet must be at most `thinning`
    times the greatest depth within `near_mm` on both sides, or on one side unless both are bones of
    `LEG`. Within `band_mm` of a change of votes, the depth decides where the two bones meet.
    """

    least_mm3: float = 3000.0
    sure: float = 0.9
    thinning: float = 0.85
    near_mm: float = 20.0
    band_mm: float = 12.0


def parted_by_votes(
    labels: Volume, named: NamedGrid, votes: Votes, rules: PartingRules
) -> tuple[Volume, NDArray[np.integer]]:
    """Split the pieces that are several bones; also return the old label of each new one, (N,).

    New labels are numbered by size, the largest first. If nothing is split, the map itself is
    returned.
    """
    boxes = ndimage.find_objects(labels.voxels)
    volumes = label_sizes(labels.voxels)[1:] * labels.voxel_volume_mm3
    most = len(volumes) + int(volumes.sum() / rules.least_mm3) + 1
    found, origin = labels.voxels, list(range(len(volumes) + 1))
    for label, share in enumerate(votes.bone, start=1):
        if np.sort(share)[-2] * volumes[label - 1] < rules.least_mm3:
            continue
        parts = _parts(labels, boxes[label - 1], label, named, rules)
        if parts.max() > 1:
            found = found.astype(np.min_scalar_type(most)) if found is labels.voxels else found
            inside = parts > 1
            found[boxes[label - 1]][inside] = parts[inside] - 2 + len(origin)
            origin += [label] * (int(parts.max()) - 1)
    if found is labels.voxels:
        return labels, np.arange(1, len(origin))
    order, number = _by_size(label_sizes(found, len(origin)))
    return labels.with_voxels(number[found]), np.array(origin)[order]


def joined_again(parted: Volume, origin: NDArray[np.integer], kept: NDArray[np.bool_]) -> Volume:
    """Join the parts of a label again unless `kept` (labels,) is true for all of them."""
    owner = np.arange(len(origin) + 1)
    for label in np.unique(origin):
        parts = np.flatnonzero(origin == label)
        if len(parts) > 1 and not kept[parts].all():
            owner[parts + 1] = parts[0] + 1
    sizes = np.zeros(len(owner), dtype=np.int64)
    np.add.at(sizes, owner, label_sizes(parted.voxels, len(owner)))
    return parted.with_voxels(_by_size(sizes)[1][owner][parted.voxels])


def _by_size(sizes: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.unsignedinteger]]:
    """The labels in use, the largest first, and the new number of each label, (labels,)."""
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(len(sizes), dtype=np.min_scalar_type(len(sizes)))
    number[order] = np.arange(1, len(order) + 1)
    return order, number


def _parts(labels: Volume, box: Box, label: int, named: NamedGrid, rules: PartingRules) -> IntArray:
    """The bones of a piece in its box, from 1, 0 elsewhere, grown from sure voxels."""
    inside = labels.voxels[box] == label
    seeds = _seeds(labels, box, inside, named, rules)
    sizes = label_sizes(seeds, len(named.bones) + 1) * labels.voxel_volume_mm3
    kept = np.flatnonzero(sizes[1:] >= rules.least_mm3) + 1
    if len(kept) < 2:
        return np.asarray(inside, dtype=np.int32)
    kept = kept[np.argsort(-sizes[kept], kind="stable")]
    hinged = np.array([False, *(named.bones[seed - 1] in LEG for seed in kept)])
    rank = np.zeros(len(sizes), dtype=np.uint8)
    rank[kept] = np.arange(1, len(kept) + 1)
    depth_mm = edt.edt(inside, anisotropy=labels.array_spacing_mm, black_border=True, parallel=0)
    seeds = _withdrawn(rank[seeds], labels.array_spacing_mm, rules.band_mm)
    grown = _grown(depth_mm, seeds, inside)
    # Parts of one bone that do not touch are two bones, such as the two femurs beside a pelvis.
    apart = cc3d.connected_components(grown, connectivity=26, out_dtype=np.uint32)
    large, number = _large(apart, rules.least_mm3 / labels.voxel_volume_mm3)
    if large < 2:
        return np.asarray(inside, dtype=np.int32)
    seeds = np.where(seeds > 0, number[apart], 0)
    parts = _grown(depth_mm, seeds, inside)
    of_leg = np.zeros(large + 1, dtype=np.bool_)
    of_leg[number[apart[inside]]] = hinged[grown[inside]]
    return _joined_where_thick(parts, of_leg, depth_mm, labels.array_spacing_mm, rules)


def _seeds(
    labels: Volume, box: Box, inside: NDArray[np.bool_], named: NamedGrid, rules: PartingRules
) -> Seeds:
    """The bone of each sure voxel, from 1 in the network's order; 0 elsewhere."""
    first = np.array([axis.start for axis in reversed(box)])
    seeds = np.zeros(inside.shape, dtype=np.uint8)
    bone = named.bone.reshape(len(named.bones), -1)
    best, surest = bone.argmax(axis=0), bone.max(axis=0)
    for index, plane in enumerate(inside):
        rows, columns = np.nonzero(plane)
        if len(rows):
            where = np.stack([columns, rows, np.full(len(rows), index)], axis=-1) + first
            cells = named.grid.cells(labels.to_mm(where))
            seeds[index, rows, columns] = np.where(surest[cells] >= rules.sure, best[cells] + 1, 0)
    return seeds


def _withdrawn(seeds: Seeds, spacing_mm: tuple[float, float, float], apart_mm: float) -> Seeds:
    """Remove the seeds that are nearer than `apart_mm` to seeds of another bone."""
    left = seeds.copy()
    for bone, box in label_boxes(seeds).items():
        near = box_within(box, apart_mm, spacing_mm)
        others = (seeds[near] > 0) & (seeds[near] != bone)
        if others.any():
            away_mm = edt.edt(~others, anisotropy=spacing_mm, parallel=0)
            left[near][(seeds[near] == bone) & (away_mm < apart_mm)] = 0
    return left


def _large(parts: NDArray[np.uint32], least: float) -> tuple[int, IntArray]:
    """How many parts have `least` voxels, and a new number for each part, 0 for smaller ones."""
    sizes = label_sizes(parts)
    order = np.argsort(-sizes, kind="stable")
    large = order[sizes[order] >= least]
    number = np.zeros(len(sizes), dtype=np.int32)
    number[large] = np.arange(1, len(large) + 1)
    return len(large), number


def _joined_where_thick(
    parts: IntArray,
    of_leg: NDArray[np.bool_],
    depth_mm: Float32Array,
    spacing_mm: tuple[float, float, float],
    rules: PartingRules,
) -> IntArray:
    """Join parts that meet without getting thinner; `of_leg` marks the parts of leg bones."""
    boxes = label_boxes(parts)
    owner = np.arange(int(parts.max()) + 1)
    for one, other in combinations(boxes, 2):
        met = _face(parts, (one, other), boxes)
        thins = _thins(parts, (one, other), met, depth_mm, spacing_mm, rules)
        asked = 2 if of_leg[one] and of_leg[other] else 1
        if sum(thins) < asked:
            owner[owner == owner[other]] = owner[one]
    _, number = np.unique(owner, return_inverse=True)  # 0, the background, stays 0
    return np.asarray(number, dtype=np.int32)[parts]


def _thins(
    parts: IntArray,
    pair: tuple[int, int],
    met: tuple[NDArray[np.intp], ...],
    depth_mm: Float32Array,
    spacing_mm: tuple[float, float, float],
    rules: PartingRules,
) -> list[bool]:
    """Whether each of a pair gets thinner towards the voxels where they `met`.

    True for both if they do not meet.
    """
    if not len(met[0]):
        return [True, True]
    neck = float(depth_mm[met].max())
    first, second, third = (slice(int(axis.min()), int(axis.max()) + 1) for axis in met)
    box = box_within((first, second, third), rules.near_mm, spacing_mm)
    apart = np.ones(parts[box].shape, dtype=np.bool_)
    apart[tuple(axis - side.start for axis, side in zip(met, box, strict=True))] = False
    near = edt.edt(apart, anisotropy=spacing_mm, parallel=0) <= rules.near_mm
    deepest = [depth_mm[box][near & (parts[box] == part)].max(initial=0) for part in pair]
    return [neck <= rules.thinning * float(one) for one in deepest]


def _face(
    parts: IntArray, pair: tuple[int, int], boxes: Mapping[int, Box]
) -> tuple[NDArray[np.intp], ...]:
    """The indices of voxels of either part that share a face with the other, for each axis."""
    first, second, third = (
        slice(max(a.start, b.start, 1) - 1, min(a.stop, b.stop) + 1)
        for a, b in zip(*(boxes[part] for part in pair), strict=True)
    )
    one, other = (parts[first, second, third] == part for part in pair)
    if one.size == 0:
        return tuple(np.zeros((3, 0), dtype=np.intp))
    meets = (one & ndimage.binary_dilation(other)) | (other & ndimage.binary_dilation(one))
    starts = (first.start, second.start, third.start)
    return tuple(axis + start for axis, start in zip(np.nonzero(meets), starts, strict=True))


def _grown(depth_mm: Float32Array, seeds: IntArray | Seeds, inside: NDArray[np.bool_]) -> IntArray:
    """Grow the seeds from deep to shallow until they meet, at the thinnest place between them."""
    markers = seeds.astype(np.int32, copy=False)
    return np.asarray(watershed(-depth_mm, markers, mask=inside), dtype=np.int32)
