"""Find pieces that are fragments of one bone, and give every piece a title.

Only fragments are numbered. Pieces with the same name get letters if nothing shows that they are
fragments: the bones of a foot, the hip bones and the sacrum, two femurs of unknown side, and bone
without a gap that was split at a thin place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from string import ascii_lowercase

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import BoneName
from afunet.geometry import Box, Mesh, Volume, box_within, common_box
from afunet.reconstruction.contacts import contacts_of
from afunet.reconstruction.measures import surface_gap_mm

NEAR_MM = 8.0
"""Fragments of one bone lie at most this far apart."""
REACH_MM, GROWN_TOGETHER = 2.0, 0.85
"""Pieces have no gap between them if this share of the area where they meet touches."""


def bones_apart(
    labels: Volume,
    boxes: Mapping[int, Box],
    names: Sequence[BoneName],
    surface_of: Callable[[int], Mesh],
    parted: Collection[tuple[int, int]] = (),
) -> tuple[int, ...]:
    """Return a number for each label with a name; fragments of one bone share it.

    `boxes` are those of the labels; where they do not tell enough, `surface_of` is asked for the
    surface of a place in `names`. Fragments are the pairs of labels in `parted`, which a cut
    through one bone made. Others have the same name, that of a bone of which a leg has one; they
    lie within `NEAR_MM` of each other or of fragments between them; and the mask shows a gap
    between them.
    """
    owner = list(range(len(names)))
    for one, other in parted:
        if max(one, other) <= len(owner) and owner[one - 1] != owner[other - 1]:
            old, new = owner[other - 1], owner[one - 1]
            owner = [new if number == old else number for number in owner]
    for alike in _alike(names).values():
        for one, other in combinations(alike, 2):
            if owner[one] == owner[other]:
                continue
            if not _may_be_near(labels, boxes[one + 1], boxes[other + 1]):
                continue
            near = surface_gap_mm(surface_of(one), surface_of(other), NEAR_MM) <= NEAR_MM
            if near and not _grown_together(labels, one + 1, other + 1, boxes):
                old, new = owner[other], owner[one]
                owner = [new if number == old else number for number in owner]
    return tuple(owner)


def _may_be_near(labels: Volume, one: Box, other: Box) -> bool:
    """Whether surfaces round these boxes, a voxel outside at most, can lie within `NEAR_MM`."""
    spacing_mm = labels.array_spacing_mm
    reach_mm = NEAR_MM + 2 * max(spacing_mm)
    return all(
        side.start < side.stop for side in common_box(box_within(one, reach_mm, spacing_mm), other)
    )


def piece_titles(names: Sequence[BoneName], bones: Sequence[int]) -> tuple[str, ...]:
    """Return a different title for every piece; fragments of one bone share a number in `bones`.

    The only piece of a name has the name as its title. Fragments of one bone are numbered from the
    largest: "left tibia 1", "left tibia 2". Other pieces of one name get letters: "left foot a".
    Pieces of unknown bones are called by their label: "piece 7".
    """
    titles = [f"piece {label}" for label in range(1, len(names) + 1)]
    for name, alike in _alike(names, every=True).items():
        of_bone: dict[int, list[int]] = defaultdict(list)
        for piece in alike:
            of_bone[bones[piece]].append(piece)
        for number, fragments in enumerate(of_bone.values()):
            title = str(name) if len(of_bone) == 1 else f"{name} {_letters(number)}"
            for rank, piece in enumerate(fragments, start=1):
                titles[piece] = f"{title} {rank}" if len(fragments) > 1 else title
    return tuple(titles)


def _alike(names: Sequence[BoneName], *, every: bool = False) -> dict[BoneName, list[int]]:
    """Indices of the pieces with each name: of bones that a leg has once, or of `every` bone."""
    found: dict[BoneName, list[int]] = defaultdict(list)
    for piece, name in enumerate(names):
        if name.bone.row.per_leg == 1 or (every and name.bone is not Bone.UNKNOWN):
            found[name].append(piece)
    return found


def _grown_together(labels: Volume, one: int, other: int, boxes: Mapping[int, Box]) -> bool:
    """Whether two labels touch over most of the area where they meet, without a gap."""
    spacing_mm = labels.array_spacing_mm
    # All contacts lie in what both boxes reach, to the voxel behind a gap of `REACH_MM`.
    reach_mm = REACH_MM + max(spacing_mm)
    first, second = (box_within(boxes[label], reach_mm, spacing_mm) for label in (one, other))
    voxels = labels.voxels[common_box(first, second)]
    if voxels.size == 0:
        return False
    pair = 1 * (voxels == one) + 2 * (voxels == other)
    met = contacts_of(pair, np.zeros(pair.shape), spacing_mm, REACH_MM).get((1, 2))
    return met is not None and met.touching_mm2 > 0 and met.share >= GROWN_TOGETHER


def _letters(number: int) -> str:
    """a, b, … z, aa, ab, …"""
    text = ""
    while number >= 0:
        text = ascii_lowercase[number % 26] + text
        number = number // 26 - 1
    return text
