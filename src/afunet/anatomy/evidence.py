"""The evidence for and against a piece's name, as numbers from which its confidence is computed.

The network's vote says how similar a place is to what the network learned from, not how often the
vote is right: six slices of a shaft, a sacrum alone or a rib all resemble something. So the
evidence also holds the votes on scaled and turned views, the size of the piece, how much of it is
cut off, and how much bone and field of view there is in all.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from scipy.special import logit, softmax

from afunet.anatomy.bone_network import BoneNamer
from afunet.anatomy.coarse_grid import CoarseGrid, LabelSampling
from afunet.anatomy.named_grid import Votes, logits_at
from afunet.geometry.points import bounds_of

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
VIEWS = ((0.87, 0.0), (1.15, 0.0), (1.0, -14.0), (1.0, 14.0))
"""Scale and rotation about the long axis, in degrees, of the additional views."""
ASKED = 48
"""The number of places of a piece that the network classifies in each view."""
MARGIN_MM = 5.0
"""A place this near to the edge of the field of view lies at a cut."""
NEVER, ALWAYS = 0.002, 0.998
FEATURES = (
    "vote",
    "lead",
    "entropy",
    "agreed",
    "views",
    "worst view",
    "field length",
    "field width",
    "length",
    "width",
    "longness",
    "volume",
    "cut",
    "cut at ends",
    "all volume",
    "share of all",
    "not of a leg",
    "bones beside",
)


@dataclass(frozen=True, eq=False)
class Evidence:
    """For each label the likeliest class, (labels,), and its evidence, (labels, FEATURES)."""

    best: NDArray[np.int64]
    values: FloatArray


@dataclass(frozen=True, eq=False)
class _Cloud:
    """All points of a label map, (N, 3) in LPS mm, and their labels (N,), from 1."""

    mm: Float32Array
    labels: NDArray[np.int64]


def evidence_of(
    sampling: LabelSampling, votes: Votes, network: BoneNamer, not_leg: int | None
) -> Evidence:
    """The evidence of every label; `not_leg` is the network's class for other bones, if any."""
    parts = [(part.mm.astype(np.float32), part.labels) for part in sampling.points()]
    cloud = _Cloud(
        np.concatenate([mm for mm, _ in parts]),
        np.concatenate([labels for _, labels in parts]).astype(np.int64),
    )
    del parts
    best = votes.bone.argmax(axis=1)
    columns = [
        *_of_votes(votes, best),
        *_of_views(sampling, cloud, best, network),
        *_of_sizes(sampling, cloud, len(best)),
    ]
    volumes = np.bincount(cloud.labels, minlength=len(best) + 1)[1:] * float(sampling.point_mm3)
    columns += _of_company(votes, best, volumes, not_leg)
    return Evidence(best, np.stack(columns, axis=1))


def _of_votes(votes: Votes, best: NDArray[np.int64]) -> list[FloatArray]:
    rows = np.arange(len(best))
    second = np.sort(votes.bone, axis=1)[:, -2]
    first = votes.bone[rows, best]
    lead = np.log(np.maximum(first, NEVER) / np.maximum(second, NEVER))
    agreed = logit(votes.agreed[rows, best].clip(NEVER, ALWAYS))
    return [logit(first.clip(NEVER, ALWAYS)), lead, votes.entropy, agreed]


def _of_views(
    sampling: LabelSampling, cloud: _Cloud, best: NDArray[np.int64], network: BoneNamer
) -> list[FloatArray]:
    """Mean and minimum over the views of the log odds of each label's class."""
    asked = _asked(cloud.labels, len(best))
    owners = cloud.labels[asked] - 1
    told = np.full((len(VIEWS), len(best)), logit(NEVER))
    for row, (scale, degrees) in zip(told, VIEWS, strict=True):
        turn = scale * Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        bones = _seen_turned(sampling, cloud, asked, network, turn)
        sums = np.bincount(owners, bones[np.arange(len(asked)), best[owners]], len(best))
        counts = np.bincount(owners, minlength=len(best))
        row[:] = logit((sums / np.maximum(counts, 1)).clip(NEVER, ALWAYS))
    return [told.mean(axis=0), told.min(axis=0)]


def _asked(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Indices of up to `ASKED` points of each label, spread evenly over its points."""
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(1, count + 2))
    chosen = [
        order[np.linspace(a, b - 1, min(ASKED, b - a)).astype(np.int64)]
        for a, b in itertools.pairwise(ends)
    ]
    return np.concatenate(chosen)


def _seen_turned(
    sampling: LabelSampling,
    cloud: _Cloud,
    asked: NDArray[np.int64],
    network: BoneNamer,
    turn: FloatArray,
) -> FloatArray:
    """Bone probabilities (N, classes) at the points `asked`, with the map scaled and turned."""
    mm = cloud.mm @ turn.T.astype(np.float32)
    grid = CoarseGrid.around(*bounds_of(mm), network.config.step_mm)
    cells = grid.cells(mm)
    full = grid.filled(cells, sampling.point_mm3 * float(np.linalg.det(turn)))
    back = np.linalg.inv(turn).T
    shown = sampling.volume.sees(grid.centres_mm() @ back)
    places = np.stack(np.unravel_index(cells[asked], grid.shape), axis=-1)
    logits = logits_at(network, full, shown, places)
    return np.asarray(softmax(logits[:, :-1], axis=1), dtype=np.float64)


def _of_sizes(sampling: LabelSampling, cloud: _Cloud, count: int) -> list[FloatArray]:
    """The size of the field of view, and each label's size and how much of it lies at a cut."""
    field = sampling.volume.to_mm(_corners(sampling.volume.shape))
    long_mm, wide_mm = np.ptp(field[:, 2]), np.ptp(field[:, :2], axis=0).max()
    found = np.zeros((count, 6))
    order = np.argsort(cloud.labels, kind="stable")
    ends = np.searchsorted(cloud.labels[order], np.arange(1, count + 2))
    sees = sampling.volume.sees
    for row, first, last in zip(found, ends[:-1], ends[1:], strict=True):
        mm = cloud.mm[order[first:last]].astype(np.float64)
        if not len(mm):
            continue
        low, high = bounds_of(mm)
        size = high - low + 2.0
        axes = np.sqrt(np.linalg.eigvalsh(np.cov(mm.T) + np.eye(3)) if len(mm) > 3 else np.ones(3))
        some = mm[:: max(1, len(mm) // 2000)]
        aside = [
            ~sees(some + sign * MARGIN_MM * np.eye(3)[axis])
            for axis in range(3)
            for sign in (-1, 1)
        ]
        ends_cut = [side.any() for side in aside[4:]]
        row[:] = (
            np.log(size[2]),
            np.log(size[:2].max()),
            np.log(axes[2] / axes[1]),
            np.log(len(mm) * sampling.point_mm3),
            np.sqrt(np.any(aside, axis=0).mean()),
            sum(ends_cut),
        )
    return [np.full(count, np.log(long_mm)), np.full(count, np.log(wide_mm)), *found.T]


def _of_company(
    votes: Votes, best: NDArray[np.int64], volumes: NDArray[np.floating], not_leg: int | None
) -> list[FloatArray]:
    """How much bone there is in all, and which bones the other pieces seem to be."""
    total = volumes.sum()
    away = votes.bone[:, not_leg] if not_leg is not None else np.zeros(len(best))
    sure = votes.bone.max(axis=1) > 0.8
    kinds = np.zeros(votes.bone.shape[1])
    np.maximum.at(kinds, best[sure], 1.0)
    if not_leg is not None:
        kinds[not_leg] = 0.0
    beside = kinds.sum() - kinds[best]
    return [
        np.full(len(best), np.log(total)),
        np.log(np.maximum(volumes, 1.0) / total),
        np.full(len(best), (away * volumes).sum() / total),
        beside,
    ]


def _corners(shape: Sequence[int]) -> FloatArray:
    ends = [(-0.5, size - 0.5) for size in reversed(shape)]
    return np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
