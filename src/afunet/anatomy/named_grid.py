"""The bone and side that a network predicts for every place of a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from afunet.anatomy.bone_network import BoneNamer, surroundings
from afunet.anatomy.bones import NAMED, Bone
from afunet.anatomy.coarse_grid import CoarseGrid, LabelSampling

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
AT_ONCE = 4096
"""The number of places whose features are in memory at once."""


@dataclass(frozen=True, eq=False)
class NamedGrid:
    """Probability of each bone, (bones, z, y, x), and of the left side, (z, y, x), on a grid."""

    grid: CoarseGrid
    bones: tuple[Bone, ...]
    bone: Float32Array
    left: Float32Array


@dataclass(frozen=True, eq=False)
class Votes:
    """The network's predictions, averaged over the places of each label.

    `bone` (labels, bones) is the mean probability of each bone, `left` (labels,) that of the left
    side. `agreed` (labels, bones) is the share of places for which the bone is the likeliest,
    `entropy` (labels,) the mean entropy in nats.
    """

    bone: FloatArray
    left: FloatArray
    agreed: FloatArray
    entropy: FloatArray


def named_grid(sampling: LabelSampling, network: BoneNamer) -> NamedGrid:
    """Run the network at every place with bone, on the mask and on its mirror image."""
    config = network.config
    grid = CoarseGrid.around(*sampling.bounds_mm(), config.step_mm)
    counts = np.zeros(int(np.prod(grid.shape)))
    for points in sampling.points():
        counts += np.bincount(grid.cells(points.mm), minlength=len(counts))
    full = np.minimum(counts * sampling.point_mm3 / grid.step_mm**3, 1).reshape(grid.shape)
    places = np.argwhere(full)
    logits = _both_ways(network, full, sampling.volume.sees(grid.centres_mm()), places)
    bone = np.zeros((len(config.classes), *grid.shape), dtype=np.float32)
    left = np.full(grid.shape, 0.5, dtype=np.float32)
    z, y, x = places.T
    bone[:, z, y, x] = softmax(logits[:, :-1], axis=1).T
    left[z, y, x] = expit(logits[:, -1])
    return NamedGrid(grid, bones_of(network), bone, left)


def bones_of(network: BoneNamer) -> tuple[Bone, ...]:
    """The bones of a network's outputs; `UNKNOWN` for classes that pieces are not named after."""
    return tuple(Bone(name) if name in NAMED else Bone.UNKNOWN for name in network.config.classes)


def votes_of(sampling: LabelSampling, named: NamedGrid) -> Votes:
    """Average the predictions over the voxels of each label."""
    count = int(sampling.volume.voxels.max()) + 1
    bone, left = named.bone.reshape(len(named.bones), -1), named.left.ravel()
    best = bone.argmax(axis=0)
    entropy = -(bone * np.log(np.maximum(bone, 1e-9))).sum(axis=0)
    sums, agreed = np.zeros((2, count, len(bone)))
    lefts, doubt, totals = np.zeros((3, count))
    for points in sampling.points():
        cells, of = named.grid.cells(points.mm), points.labels
        totals += np.bincount(of, minlength=count)
        lefts += np.bincount(of, left[cells], minlength=count)
        doubt += np.bincount(of, entropy[cells], minlength=count)
        for number, probability in enumerate(bone):
            sums[:, number] += np.bincount(of, probability[cells], minlength=count)
            agreed[:, number] += np.bincount(of, best[cells] == number, minlength=count)
    # A piece of a few voxels may lie between the sampled ones: it gets no votes and no name.
    totals = np.maximum(totals, 1)
    each = totals[:, None]
    return Votes((sums / each)[1:], (lefts / totals)[1:], (agreed / each)[1:], (doubt / totals)[1:])


def logits_at(
    network: BoneNamer, full: NDArray[Any], shown: NDArray[Any], places: NDArray[np.int64]
) -> Float32Array:
    """Logits (N, classes + 1) at places (N, 3) of a grid (z, y, x); there must be a place."""
    parts = np.split(places, range(AT_ONCE, len(places), AT_ONCE))
    return np.concatenate(
        [network(surroundings(full, shown, some, network.config)) for some in parts]
    )


def _both_ways(
    network: BoneNamer, full: NDArray[Any], shown: NDArray[Any], places: NDArray[np.int64]
) -> Float32Array:
    """Logits (N, classes + 1), averaged over the grid and its mirror image, where left is right."""
    ahead = logits_at(network, full, shown, places)
    mirrored = places * [1, 1, -1] + [0, 0, full.shape[2] - 1]
    behind = logits_at(network, full[..., ::-1], shown[..., ::-1], mirrored)
    behind[:, -1] *= -1
    return np.asarray((ahead + behind) / np.float32(2))
