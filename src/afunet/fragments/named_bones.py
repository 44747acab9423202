"""Part the bones of a label map into their fragments.

A bone is all pieces of one name that are near each other, with the pieces without a name that touch
them. If no other bone is there, pieces without a name that touch each other are one bone, too: the
mask of one broken bone alone is seldom named, and thickness has divided it anywhere.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName, NamedLabels
from afunet.fragments.cut import Cut, Suspicion
from afunet.fragments.cut_rules import CutRules
from afunet.fragments.part_bone import part_bone
from afunet.geometry import Box, Volume, box_round, box_within, common_box, label_boxes
from afunet.geometry.labels import label_sizes
from afunet.geometry.meetings import meetings_along
from afunet.models.contact_network import ContactNetwork
from afunet.watch import UNWATCHED, Watch

STAGE = "fragments"
NEAR_MM = 8.0
"""Pieces of one bone are at most this far apart."""
LEAST_MM3 = 500.0
"""A smaller bone is not parted."""
PARTED = frozenset({Bone.PELVIS, Bone.UNKNOWN})
"""Where the network does better than thickness alone; on the bones of the leg it does not yet.

The fragments of one broken bone alone are seldom named.
"""
MEET_MM = 2.0
"""Pieces without a name belong to what is at most this far away."""
CHIP_MM3 = 10_000.0
"""A piece of unknown side up to this volume is part of what it meets, not a bone of its own."""
ONE_BONE_MM3 = 500_000.0
"""Bone of the pelvis, or without a name, up to this volume is one bone; more may be several."""


@dataclass(frozen=True, eq=False)
class Fragmented:
    """Labels with their names; which labels meet along a cut, and where a bone may be broken."""

    named: NamedLabels
    cuts: tuple[Cut, ...] = ()
    suspected: tuple[Suspicion, ...] = ()


def part_named_bones(
    named: NamedLabels,
    scan: Volume,
    network: ContactNetwork | None = None,
    rules: CutRules | None = None,
    watch: Watch = UNWATCHED,
    bones: Container[Bone] = PARTED,
) -> Fragmented:
    """Part each of the named `bones`, all its pieces together, with the CT on the labels' grid.

    Where pieces of one bone touch, the network alone decides whether they are two. Pieces of other
    bones stay as they are. Raises `GeometryError` for a scan on another grid, and `Cancelled`.
    """
    labels = named.labels
    labels.require_same_grid(scan, "the scan")
    groups = _bones(named, bones)
    kept = [
        label
        for label in range(1, len(named.names) + 1)
        if not any(label in group for group in groups)
    ]
    numbers = np.zeros(len(named.names) + 1, dtype=np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    found = numbers[labels.voxels]
    names = [named.names[label - 1] for label in kept]
    boxes = label_boxes(labels.voxels)
    cuts: list[Cut] = []
    suspected: list[Suspicion] = []
    for done, group in enumerate(groups):
        watch.tell(STAGE, done, len(groups))
        watch.check()
        box = boxes[group[0]]
        for label in group[1:]:
            box = box_round(box, boxes[label])
        mask = np.isin(labels.voxels[box], group)
        bone, around = _cropped(labels, box, mask.astype(np.uint8)), _cropped(scan, box)
        parted = part_bone(bone, around, network, rules, watch)
        first = len(names)
        found[box][mask] = parted.labels.voxels[mask] + np.int32(first)
        names += [_name(named, group)] * int(parted.labels.voxels.max())
        cuts += [_moved(cut, first) for cut in parted.cuts]
        suspected += [replace(one, cut=_moved(one.cut, first)) for one in parted.suspected]
    watch.tell(STAGE, len(groups), len(groups))
    return _numbered(labels, found, names, cuts, suspected)


def _bones(named: NamedLabels, bones: Container[Bone]) -> list[list[int]]:
    """The labels of each bone to part, the one that names it first."""
    labels, sizes = named.labels, label_sizes(named.labels.voxels, len(named.names) + 1)
    mm3 = sizes * labels.voxel_volume_mm3
    boxes = label_boxes(labels.voxels)
    by_name: dict[BoneName, list[int]] = {}
    vague: set[int] = set()
    for label, name in enumerate(named.names, start=1):
        if name.bone not in bones or label not in boxes:
            continue
        if name.bone is Bone.UNKNOWN or (name.side is None and mm3[label] <= CHIP_MM3):
            vague.add(label)
        else:
            by_name.setdefault(name, []).append(label)
    groups = []
    for name, alike in by_name.items():
        for group in _near(alike, boxes, labels.array_spacing_mm):
            one = name.bone.row.per_leg == 1 or mm3[group].sum() <= ONE_BONE_MM3
            groups += [group] if one else [[label] for label in group]
    groups = _with_vague(named, vague, groups, mm3)
    return [group for group in groups if mm3[group].sum() >= LEAST_MM3]


def _with_vague(
    named: NamedLabels, vague: set[int], groups: list[list[int]], mm3: NDArray[np.floating]
) -> list[list[int]]:
    """Add pieces that no name tells apart to the bone they meet most; make bones of those left.

    What meets a bone that is not parted stays as it is, and beside such bones what meets no named
    bone, too: there it may be several bones, as in a foot.
    """
    most_met = _most_met(named)
    bone_of = {label: group for group in groups for label in group}
    alone: dict[int, list[int]] = {}
    for label in sorted(vague & most_met.keys()):
        passed = [label]
        while passed[-1] in vague and most_met[passed[-1]] not in passed:
            passed.append(most_met[passed[-1]])
        last = passed[-1]
        if last in bone_of:
            bone_of[last].append(label)
        elif last in vague:
            alone.setdefault(min(last, most_met[last]), []).append(label)
    if len(vague) + len(bone_of) < len(most_met):
        return groups
    return groups + [group for group in alone.values() if mm3[group].sum() <= ONE_BONE_MM3]


def _most_met(named: NamedLabels) -> dict[int, int]:
    """For each label the one that it meets over most voxel faces; itself if it meets none."""
    labels, count = named.labels, len(named.names) + 1
    met = np.zeros((count, count), dtype=np.int64)
    for axis, mm in enumerate(labels.array_spacing_mm):
        pairs = meetings_along(axis, labels.voxels, int(MEET_MM / mm)).pairs(count)
        met += np.bincount(pairs, minlength=count * count).reshape(count, count)
    met += met.T
    return {
        label: int(met[label].argmax()) if met[label].any() else label
        for label in np.unique(labels.voxels[labels.voxels > 0]).tolist()
    }


def _near(
    alike: list[int], boxes: dict[int, Box], spacing_mm: tuple[float, float, float]
) -> list[list[int]]:
    groups: list[list[int]] = []
    for label in alike:
        around = box_within(boxes[label], NEAR_MM, spacing_mm)
        met = [group for group in groups if any(_meet(around, boxes[other]) for other in group)]
        groups = [group for group in groups if group not in met]
        groups.append([*(other for group in met for other in group), label])
    return groups


def _meet(one: Box, other: Box) -> bool:
    return all(side.stop > side.start for side in common_box(one, other))


def _cropped(volume: Volume, box: Box, voxels: np.ndarray | None = None) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_mm([side.start for side in reversed(box)])
    return Volume(volume.voxels[box] if voxels is None else voxels, affine)


def _name(named: NamedLabels, group: list[int]) -> BoneName:
    return named.names[group[0] - 1]


def _moved(cut: Cut, first: int) -> Cut:
    return replace(cut, one=cut.one + first, other=cut.other + first)


def _numbered(
    labels: Volume,
    found: np.ndarray,
    names: list[BoneName],
    cuts: list[Cut],
    suspected: list[Suspicion],
) -> Fragmented:
    """Number all by size, the largest first."""
    sizes = label_sizes(found, len(names) + 1)
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(len(sizes), dtype=np.min_scalar_type(len(order)))
    number[order] = np.arange(1, len(order) + 1)

    def renumbered(cut: Cut) -> Cut:
        return replace(cut, one=int(number[cut.one]), other=int(number[cut.other]))

    return Fragmented(
        NamedLabels(labels.with_voxels(number[found]), tuple(names[old - 1] for old in order)),
        tuple(renumbered(cut) for cut in cuts),
        tuple(replace(one, cut=renumbered(one.cut)) for one in suspected),
    )
