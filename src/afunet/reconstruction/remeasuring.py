"""Measure the pieces of a label map that was corrected, without changing its labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from afunet.anatomy.bones import Bone
from afunet.anatomy.names import UNKNOWN, BoneName, NamedLabels
from afunet.fragments.cut import Cut, Suspicion
from afunet.geometry import Volume, bounding_box
from afunet.geometry.labels import label_sizes
from afunet.reconstruction.pieces import Instances, Remember, afresh, measure_pieces
from afunet.watch import UNWATCHED, Watch


def remeasured(
    labels: Volume,
    names: Mapping[int, BoneName],
    scan: Volume | None = None,
    *,
    parted: Collection[tuple[int, int]] = (),
    cuts: Sequence[Cut] = (),
    suspected: Sequence[Suspicion] = (),
    max_triangles: int | None = None,
    max_error_mm: float | None = None,
    remember: Remember = afresh,
    watch: Watch = UNWATCHED,
) -> Instances:
    """Measure the pieces as `measure_pieces` does; numbers may be missing among the labels.

    The pieces are listed from the largest, and keep their labels. A label without a name is of an
    unknown bone. The labels of each of `parted` and `cuts` are fragments of one bone if they have
    the same name, whether there is a gap between them or not. Raises `Cancelled`.
    """
    sizes = label_sizes(labels.voxels)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.zeros(len(sizes), dtype=np.min_scalar_type(len(order)))
    number[order] = np.arange(1, len(order) + 1)
    voxels = np.zeros(labels.shape, number.dtype)
    if (box := bounding_box(labels.voxels)) is not None:
        voxels[box] = number[labels.voxels[box]]
    numbered = NamedLabels(
        labels.with_voxels(voxels),
        tuple(names.get(int(label), UNKNOWN) for label in order),
    )
    there = set(map(int, order))
    fragments = [
        (int(number[one]), int(number[other]))
        for one, other in (*parted, *((cut.one, cut.other) for cut in cuts))
        if {one, other} <= there and _are_of_one_bone(names.get(one), names.get(other))
    ]
    found = measure_pieces(
        numbered,
        scan,
        parted=fragments,
        max_triangles=max_triangles,
        max_error_mm=max_error_mm,
        remember=remember,
        watch=watch,
    )
    label_of = [int(order[piece.measures.label - 1]) for piece in found.pieces]
    titles = {
        piece.name: f"piece {label}" if piece.bone.bone is Bone.UNKNOWN else piece.name
        for piece, label in zip(found.pieces, label_of, strict=True)
    }
    pieces = tuple(
        replace(
            piece,
            name=titles[piece.name],
            nearest=titles.get(piece.nearest, ""),
            measures=replace(piece.measures, label=label),
        )
        for piece, label in zip(found.pieces, label_of, strict=True)
    )
    return Instances(labels, pieces, found.surfaces, tuple(cuts), tuple(suspected))


def _are_of_one_bone(one: BoneName | None, other: BoneName | None) -> bool:
    return one == other and one is not None and one.bone is not Bone.UNKNOWN
