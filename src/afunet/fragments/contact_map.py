"""Where the network sees contacts: the probability that a voxel lies between two fragments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from afunet.fragments.contact_input import channels_of, depth_of
from afunet.fragments.even_grid import EvenBone, EvenGrid, even_bone
from afunet.geometry import Box, Volume, bounding_box
from afunet.models.contact_network import CONTACTS, ContactNetwork
from afunet.models.shipped import shipped_path

Float32Array = NDArray[np.float32]
SHIPPED = "contacts.onnx"
HALO = 16
"""Voxels around a part of a bone that its network sees too."""
MOST_VOXELS = 1_500_000
"""Of a part: the network needs about 250 bytes a voxel."""


@cache
def shipped_contacts() -> ContactNetwork:
    """The network for contacts that comes with the package."""
    return CONTACTS.load(shipped_path(SHIPPED))


def are_contacts_shipped() -> bool:
    """Whether the package has the weights; without, fragments that touch are not told apart."""
    return shipped_path(SHIPPED).is_file()


def contact_map(
    mask: Volume,
    scan: Volume,
    network: ContactNetwork | None = None,
    *,
    within: Box | None = None,
) -> Volume:
    """The probability of a contact in each voxel of one bone's mask, on its grid; 0 outside.

    `scan` is the CT in HU on the same grid; raises `GeometryError` for another one. Outside the box
    `within` nothing is looked for: the probability is 0 there.
    """
    mask.require_same_grid(scan, "the scan")
    network = network or shipped_contacts()
    found = np.zeros(mask.shape, dtype=np.float32)
    box = bounding_box(mask.voxels)
    if box is not None:
        grid = EvenGrid.around(box, mask.array_spacing_mm, network.config.step_mm)
        inside = mask.voxels[box] != 0
        bone = even_bone(inside, scan.voxels[box], grid)
        wanted = None if within is None else grid.box_of(within)
        found[box] = np.where(inside, grid.nearest(probability_of(bone, network, wanted)), 0)
    return mask.with_voxels(found)


def probability_of(
    bone: EvenBone, network: ContactNetwork, within: Box | None = None
) -> Float32Array:
    """The probability of a contact (D, H, W) in each voxel of a bone on the network's grid.

    A large box is divided, and parts without bone are left out. So is what is not `within` a box.
    """
    wanted = bone.mask
    if within is not None:
        wanted = np.zeros_like(bone.mask)
        wanted[within] = bone.mask[within]
    channels = channels_of(bone.hu, depth_of(bone.mask, network.config.step_mm))
    found = np.zeros(bone.mask.shape, dtype=np.float32)
    for core in _parts(wanted, (0, 0, 0), network.config.multiple):
        around = [slice(max(0, side.start - HALO), side.stop + HALO) for side in core]
        seen = channels[(slice(None), *around)]
        fill = [(0, -side % network.config.multiple) for side in seen.shape[1:]]
        logits = network(np.pad(seen, [(0, 0), *fill])[None])[0, 0]
        inner = tuple(
            slice(side.start - wide.start, side.stop - wide.start)
            for side, wide in zip(core, around, strict=True)
        )
        found[core] = 1 / (1 + np.exp(-logits[inner]))
    found[~wanted] = 0
    return found


def _parts(mask: NDArray[np.bool_], start: tuple[int, int, int], multiple: int) -> Iterator[Box]:
    """Boxes that contain all bone, none with more than `MOST_VOXELS`.

    `start` is where `mask` lies. Boxes begin at whole multiples, as the network halves its grid.
    """
    box = bounding_box(mask)
    if box is None:
        return
    first = [side.start // multiple * multiple for side in box]
    inner = mask[tuple(slice(at, side.stop) for at, side in zip(first, box, strict=True))]
    at = _add(start, first)
    if inner.size <= MOST_VOXELS:
        ends = _add(at, inner.shape)
        yield slice(at[0], ends[0]), slice(at[1], ends[1]), slice(at[2], ends[2])
        return
    axis = int(np.argmax(inner.shape))
    half = max(inner.shape[axis] // 2 // multiple, 1) * multiple
    before, after = np.split(inner, [half], axis)
    shift = [half if side == axis else 0 for side in range(3)]
    yield from _parts(before, at, multiple)
    yield from _parts(after, _add(at, shift), multiple)


def _add(one: Sequence[int], other: Sequence[int]) -> tuple[int, int, int]:
    first, second, third = (a + b for a, b in zip(one, other, strict=True))
    return first, second, third
