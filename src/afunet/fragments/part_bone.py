"""Part one bone into its fragments where the network is sure that they only touch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from afunet.fragments.agglomeration import (
    Border,
    Join,
    agglomerated,
    borders_of,
    sides_of,
)
from afunet.fragments.contact_map import probability_of, shipped_contacts
from afunet.fragments.cut import Cut, Suspicion
from afunet.fragments.cut_rules import CutRules
from afunet.fragments.even_grid import EvenGrid, even_bone
from afunet.fragments.gaps import REACH_MM, thin_gaps
from afunet.fragments.supervoxels import supervoxels
from afunet.geometry import Volume, bounding_box
from afunet.geometry.meetings import meetings_along
from afunet.models.contact_network import ContactNetwork
from afunet.watch import UNWATCHED, Watch

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int32]
MOST = 255
"""More fragments than a bone has."""
ACROSS_A_GAP = 2.0
"""How separate regions are that only face each other: more than enough."""


@dataclass(frozen=True, eq=False)
class PartedBone:
    """Fragments of one bone on its mask's grid, from 1, the largest first; 0 outside.

    `cuts` are the borders along which they were parted, `suspected` those along which the bone may
    be broken but was not parted, each the likeliest first.
    """

    labels: Volume
    cuts: tuple[Cut, ...] = ()
    suspected: tuple[Suspicion, ...] = ()


def part_bone(
    mask: Volume,
    scan: Volume,
    network: ContactNetwork | None = None,
    rules: CutRules | None = None,
    watch: Watch = UNWATCHED,
) -> PartedBone:
    """Part a bone's mask, all its pieces together, with the CT in HU on the same grid.

    Pieces with a gap between them stay apart. Raises `GeometryError` for another grid, `Cancelled`.
    """
    mask.require_same_grid(scan, "the scan")
    network, rules = network or shipped_contacts(), rules or CutRules()
    box = bounding_box(mask.voxels)
    if box is None:
        return PartedBone(mask.with_voxels(np.zeros(mask.shape, dtype=np.uint8)))
    grid = EvenGrid.around(box, mask.array_spacing_mm, network.config.step_mm)
    inside = mask.voxels[box] != 0
    bone = even_bone(inside, scan.voxels[box], grid)
    watch.check()
    contact = np.maximum(probability_of(bone, network), thin_gaps(inside, grid) * bone.mask)
    watch.check()
    regions = supervoxels(bone.mask, contact)
    return parted(mask, grid, inside, regions, contact, rules)


def parted(
    mask: Volume,
    grid: EvenGrid,
    inside: NDArray[np.bool_],
    regions: IntArray,
    contact: Float32Array,
    rules: CutRules,
) -> PartedBone:
    """Put regions on the even grid together and bring them back to the mask's own."""
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    least = rules.least_touching_mm3 / grid.voxel_mm3

    def likely(border: Border, smaller: int) -> float:
        return rules.probability(border, smaller, grid.voxel_mm3)

    def asked(border: Border, smaller: int) -> float:
        # Crumbs are joined to what they are least separate from, and before all else.
        if not border.touching:
            return ACROSS_A_GAP
        if smaller < least:
            return border.mean - 2
        return likely(border, smaller) / rules.sure

    found = agglomerated(sizes, borders_of(regions, contact, int(REACH_MM / grid.step_mm)), asked)
    even = found.owner[regions].astype(np.int32)
    labels, number = _numbered(grid, inside, even, rules)
    voxels = np.zeros(mask.shape, dtype=labels.dtype)
    voxels[grid.box] = labels
    volumes = np.bincount(even.ravel(), minlength=len(sizes))

    def cut(one: int, other: int, border: Border, smaller: int) -> Cut:
        centre = grid.to_mm(mask, np.array(border.centre))
        first, second = sorted((int(number[one]), int(number[other])))
        x, y, z = (float(value) for value in centre)
        area = border.touching * grid.step_mm**2
        return Cut(first, second, area, likely(border, smaller), (x, y, z))

    def joined(join: Join) -> Cut:
        owner = int(found.owner[join.kept])
        return cut(owner, owner, join.border, join.smaller)

    cuts = [
        cut(one, other, border, int(min(volumes[one], volumes[other])))
        for (one, other), border in found.borders.items()
        if border.touching
    ]
    suspected = [
        Suspicion(one, join.smaller * grid.voxel_mm3, grid.to_mm(mask, _faces(regions, *sides)))
        for join, *sides in sides_of(found.joins)
        if join.smaller * grid.voxel_mm3 >= rules.least_suspected_mm3
        if (one := joined(join)).probability >= rules.suspected
    ]
    return PartedBone(
        mask.with_voxels(voxels),
        tuple(sorted((one for one in cuts if 0 < one.one < one.other), key=_likeliest)),
        tuple(sorted(suspected, key=lambda one: _likeliest(one.cut))),
    )


def _numbered(
    grid: EvenGrid, inside: NDArray[np.bool_], even: IntArray, rules: CutRules
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Labels of the bone's own voxels, the largest first, and the label of each region.

    Crumbs that touch nothing, and voxels of the bone that are none on the even grid, get the label
    of the nearest fragment.
    """
    sizes = np.bincount(even.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    large = order[sizes[order] * grid.voxel_mm3 >= rules.least_mm3][:MOST]
    large = large if len(large) else order[: int(sizes.any())]
    number = np.zeros(len(sizes), dtype=np.int64)
    number[large] = np.arange(1, len(large) + 1)
    labels = np.where(inside, grid.nearest(number[even].astype(np.uint8)), 0).astype(np.uint8)
    missed = inside & (labels == 0)
    if missed.any() and labels.any():
        known = np.argwhere(_rim(labels))
        step = np.array([1 / part for part in grid.ratio])
        lost = np.argwhere(missed)
        _, nearest = KDTree(known * step).query(lost * step)
        labels[missed] = labels[tuple(known[nearest].T)]
    elif missed.any():
        labels[missed] = 1
    return labels, number


def _rim(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Labelled voxels at the edge of what is labelled."""
    filled = np.pad(labels > 0, 1)
    inner = filled.copy()
    for axis in range(3):
        for by in (-1, 1):
            inner &= np.roll(filled, by, axis)
    return (filled & ~inner)[1:-1, 1:-1, 1:-1]


def _faces(regions: IntArray, one: list[int], other: list[int]) -> NDArray[np.float64]:
    """The middles (N, 3) of the faces that two groups of regions share."""
    side = np.zeros(int(regions.max()) + 1, dtype=np.uint8)
    side[one], side[other] = 1, 2
    places = [meetings_along(axis, side[regions], 0).places.mean(axis=0).T for axis in range(3)]
    return np.concatenate(places)


def _likeliest(cut: Cut) -> float:
    return -cut.probability
