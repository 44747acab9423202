"""Which bone every piece is: votes of its voxels, by a network that sees shape, place, neighbours.

Pieces that turn out to be several bones, as masks without a joint space give, are parted there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import cc3d
import edt
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed
from torch import Tensor

from afunet.geometry import Box, Volume
from afunet.inference.coarse import CoarseGrid, LabelSampling
from afunet.inference.limbs import SideRules, find_legs
from afunet.models.bone_namer import BONE_NAMES, BoneNamer, surroundings
from afunet.models.limb_sider import LIMB_SIDES, LimbSider
from afunet.reconstruction.anatomy import UNKNOWN, Bone, BoneName, NamedLabels, Namer, Side

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
LEG = frozenset({Bone.FEMUR, Bone.PATELLA, Bone.TIBIA, Bone.FIBULA, Bone.FOOT})
AT_ONCE = 4096
"""Places whose surroundings are held in memory."""


@dataclass(frozen=True)
class NamingRules:
    """When a vote counts.

    A piece has a name from `least_bone` of the votes, a side from `sides.least`. A piece is parted
    where `least_part_mm3` and more of it are surely of another bone, voxels counting as sure from
    `sure`. Where less than `least_seen_mm3` of bone is seen in all, nothing has a name.
    """

    least_bone: float = 0.5
    sure: float = 0.9
    least_part_mm3: float = 3000.0
    least_seen_mm3: float = 5000.0
    sides: SideRules = field(default_factory=SideRules)


@dataclass(frozen=True, eq=False)
class NamedGrid:
    """Probability of each bone, (bones, z, y, x), and of the left side, (z, y, x), on a grid."""

    grid: CoarseGrid
    bones: tuple[Bone, ...]
    bone: Float32Array
    left: Float32Array


@dataclass(frozen=True, eq=False)
class Votes:
    """Mean probability of each bone, (labels, bones), and of the left side, (labels,)."""

    bone: FloatArray
    left: FloatArray

    def names(self, bones: tuple[Bone, ...], rules: NamingRules) -> tuple[BoneName, ...]:
        """The name of each label."""
        return tuple(
            _name(dict(zip(bones, votes, strict=True)), left, rules)
            for votes, left in zip(self.bone.tolist(), self.left.tolist(), strict=True)
        )


def bone_namer(*, sides_known: bool = True, rules: NamingRules | None = None) -> Namer:
    """A namer with the network of the package; no sides where the patient's are not known."""

    def name(labels: Volume) -> NamedLabels:
        named = name_pieces(labels, shipped_namer(), rules, sider=shipped_sider())
        if sides_known:
            return named
        return replace(named, names=tuple(replace(name, side=None) for name in named.names))

    return name


@cache
def shipped_namer() -> BoneNamer:
    """The network for bones that comes with the package."""
    return BONE_NAMES.load(_shipped("bone-names.safetensors"))


@cache
def shipped_sider() -> LimbSider:
    """The network for the sides of legs that comes with the package."""
    return LIMB_SIDES.load(_shipped("limb-sides.safetensors"))


def _shipped(name: str) -> Path:
    return Path(str(files("afunet.models") / "weights" / name))


def name_pieces(
    labels: Volume,
    network: BoneNamer,
    rules: NamingRules | None = None,
    *,
    sider: LimbSider | None = None,
) -> NamedLabels:
    """Names for the labels (from 1, without gaps, the largest first) of a map in LPS mm.

    `sider` is asked for the side of legs of which `network` does not tell it.
    """
    rules = rules or NamingRules()
    sampling = LabelSampling.of(labels, network.config.step_mm)
    if sampling is None:
        return NamedLabels(labels, ())
    count = int(labels.voxels.max())
    if np.count_nonzero(labels.voxels) * labels.voxel_volume_mm3 < rules.least_seen_mm3:
        return NamedLabels(labels, (UNKNOWN,) * count)
    named = _named_grid(sampling, network)
    votes = _votes(sampling, named)
    parted = _parted(labels, named, votes, rules)
    if parted is not labels:
        sampling = LabelSampling.of(parted, network.config.step_mm)
        assert sampling is not None
        votes = _votes(sampling, named)
    of_leg = np.array([named.bones[bone] in LEG for bone in votes.bone.argmax(axis=1)])
    found = find_legs(sampling, of_leg, votes.left, sider, rules.sides)
    names = replace(votes, left=found.left).names(named.bones, rules)
    lost = of_leg & ~found.of_leg
    names = tuple(UNKNOWN if no else name for name, no in zip(names, lost, strict=True))
    return NamedLabels(parted, names)


def _named_grid(sampling: LabelSampling, network: BoneNamer) -> NamedGrid:
    config = network.config
    grid = CoarseGrid.around(*sampling.bounds_mm(), config.step_mm)
    counts = np.zeros(int(np.prod(grid.shape)))
    for points in sampling.points():
        counts += np.bincount(grid.cells(points.mm), minlength=len(counts))
    full = np.minimum(counts * sampling.point_mm3 / grid.step_mm**3, 1).reshape(grid.shape)
    shown = torch.from_numpy(sampling.volume.sees(grid.centres_mm()))
    places = torch.nonzero(torch.from_numpy(full))
    logits = _both_ways(network, torch.from_numpy(full), shown, places)
    bone = np.zeros((len(config.classes), *grid.shape), dtype=np.float32)
    left = np.full(grid.shape, 0.5, dtype=np.float32)
    z, y, x = places.T.numpy()
    bone[:, z, y, x] = torch.softmax(logits[:, :-1], dim=1).T.numpy()
    left[z, y, x] = torch.sigmoid(logits[:, -1]).numpy()
    return NamedGrid(grid, tuple(map(_bone, config.classes)), bone, left)


def _both_ways(network: BoneNamer, full: Tensor, shown: Tensor, places: Tensor) -> Tensor:
    """Logits (N, classes + 1) of a body and of its mirror image, whose left is right, averaged."""
    ahead = _logits(network, full, shown, places)
    mirrored = places * torch.tensor([1, 1, -1]) + torch.tensor([0, 0, full.shape[2] - 1])
    behind = _logits(network, full.flip(2), shown.flip(2), mirrored)
    bones, side = behind[:, :-1], behind[:, -1:]
    return (ahead + torch.cat([bones, -side], dim=1)) / 2


def _logits(network: BoneNamer, full: Tensor, shown: Tensor, places: Tensor) -> Tensor:
    with torch.inference_mode():
        parts = torch.split(places, AT_ONCE)
        return torch.cat(
            [network(surroundings(full, shown, some, network.config)) for some in parts]
        )


def _bone(name: str) -> Bone:
    return Bone(name) if name in set(Bone) else Bone.UNKNOWN


def _votes(sampling: LabelSampling, named: NamedGrid) -> Votes:
    count = int(sampling.volume.voxels.max()) + 1
    bone, left = named.bone.reshape(len(named.bones), -1), named.left.ravel()
    sums, lefts, totals = np.zeros((count, len(bone))), np.zeros(count), np.zeros(count)
    for points in sampling.points():
        cells = named.grid.cells(points.mm)
        totals += np.bincount(points.labels, minlength=count)
        lefts += np.bincount(points.labels, left[cells], minlength=count)
        for number, probability in enumerate(bone):
            sums[:, number] += np.bincount(points.labels, probability[cells], minlength=count)
    # A piece of a few voxels may have fallen between the sampled ones: no votes, no name.
    totals = np.maximum(totals, 1)
    return Votes((sums / totals[:, None])[1:], (lefts / totals)[1:])


def _name(votes: dict[Bone, float], left: float, rules: NamingRules) -> BoneName:
    bone = max(votes, key=votes.__getitem__)
    if votes[bone] < rules.least_bone or bone is Bone.UNKNOWN:
        return UNKNOWN
    side = Side.LEFT if left >= 0.5 else Side.RIGHT
    sided = max(left, 1 - left) >= rules.sides.least
    return BoneName(bone, side if sided else None, votes[bone])


def _parted(labels: Volume, named: NamedGrid, votes: Votes, rules: NamingRules) -> Volume:
    """The map with pieces of several bones parted, the largest first; itself if none was."""
    least = rules.least_part_mm3
    boxes = ndimage.find_objects(labels.voxels)
    inside = labels.voxels[labels.voxels != 0]  # few of all, and counting is slow
    volumes = np.bincount(inside)[1:] * labels.voxel_volume_mm3
    found = labels.voxels
    for label, share in enumerate(votes.bone, start=1):
        if np.sort(share)[-2] * volumes[label - 1] < least:
            continue
        parts = _parts(labels, boxes[label - 1], label, named, rules)
        if parts.max() > 1:
            found = found.astype(np.int32) if found is labels.voxels else found
            inside = parts > 1
            found[boxes[label - 1]][inside] = parts[inside] - 2 + found.max() + 1
    if found is labels.voxels:
        return labels
    sizes = np.bincount(found.ravel())
    order = np.argsort(-sizes[1:], kind="stable") + 1
    number = np.zeros(len(sizes), dtype=np.min_scalar_type(len(sizes)))
    number[order] = np.arange(1, len(sizes))
    return labels.with_voxels(number[found])


def _parts(
    labels: Volume, box: Box, label: int, named: NamedGrid, rules: NamingRules
) -> NDArray[np.int32]:
    """A piece's bones in its box, from 1, 0 elsewhere: grown from where they are sure."""
    inside = labels.voxels[box] == label
    first = np.array([axis.start for axis in reversed(box)])
    seeds = np.zeros(inside.shape, dtype=np.int32)
    bone = named.bone.reshape(len(named.bones), -1)
    best, surest = bone.argmax(axis=0), bone.max(axis=0)
    for index, plane in enumerate(inside):
        rows, columns = np.nonzero(plane)
        if len(rows):
            where = np.stack([columns, rows, np.full(len(rows), index)], axis=-1) + first
            cells = named.grid.cells(labels.to_mm(where))
            seeds[index, rows, columns] = np.where(surest[cells] >= rules.sure, best[cells] + 1, 0)
    sizes = np.bincount(seeds.ravel(), minlength=len(bone) + 1) * labels.voxel_volume_mm3
    kept = np.flatnonzero(sizes[1:] >= rules.least_part_mm3) + 1
    if len(kept) < 2:
        return np.asarray(inside, dtype=np.int32)
    kept = kept[np.argsort(-sizes[kept], kind="stable")]
    number = np.zeros(len(bone) + 1, dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    depth_mm = edt.edt(inside, anisotropy=labels.array_spacing_mm, parallel=0)
    grown = _grown(depth_mm, number[seeds], inside)
    # The parts of one bone that do not touch are two bones, as both femurs beside a pelvis are.
    apart = cc3d.connected_components(grown, connectivity=26).astype(np.int32)
    sizes = np.bincount(apart.ravel()) * labels.voxel_volume_mm3
    large = np.flatnonzero(sizes >= rules.least_part_mm3)
    large = large[large > 0][np.argsort(-sizes[large[large > 0]], kind="stable")]
    number = np.zeros(len(sizes), dtype=np.int32)
    number[large] = np.arange(1, len(large) + 1)
    return _grown(depth_mm, number[apart], inside)


def _grown(
    depth_mm: Float32Array, seeds: NDArray[np.int32], inside: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Seeds grown from the depth outwards until they meet, at the thinnest between them."""
    return np.asarray(watershed(-depth_mm, seeds, mask=inside), dtype=np.int32)
