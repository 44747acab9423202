"""Where the network sees contacts: the probability that a voxel lies between two fragments."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from afunet.fragments.contact_input import channels_of, depth_of
from afunet.fragments.even_grid import EvenBone, EvenGrid, even_bone
from afunet.geometry import Volume, bounding_box
from afunet.models.contact_network import CONTACTS, ContactNetwork
from afunet.models.shipped import shipped_path

Float32Array = NDArray[np.float32]
SHIPPED = "contacts.onnx"


@cache
def shipped_contacts() -> ContactNetwork:
    """The network for contacts that comes with the package."""
    return CONTACTS.load(shipped_path(SHIPPED))


def are_contacts_shipped() -> bool:
    """Whether the package has the weights; without, fragments that touch are not told apart."""
    return shipped_path(SHIPPED).is_file()


def contact_map(mask: Volume, scan: Volume, network: ContactNetwork | None = None) -> Volume:
    """The probability of a contact in each voxel of one bone's mask, on its grid; 0 outside.

    `scan` is the CT in HU on the same grid; raises `GeometryError` for another one.
    """
    mask.require_same_grid(scan, "the scan")
    network = network or shipped_contacts()
    found = np.zeros(mask.shape, dtype=np.float32)
    box = bounding_box(mask.voxels)
    if box is not None:
        grid = EvenGrid.around(box, mask.array_spacing_mm, network.config.step_mm)
        inside = mask.voxels[box] != 0
        bone = even_bone(inside, scan.voxels[box], grid)
        found[box] = np.where(inside, grid.nearest(probability_of(bone, network)), 0)
    return mask.with_voxels(found)


def probability_of(bone: EvenBone, network: ContactNetwork) -> Float32Array:
    """The probability of a contact (D, H, W) in each voxel of a bone on the network's grid."""
    return maps_of(bone, network)[0]


def maps_of(bone: EvenBone, network: ContactNetwork) -> Float32Array:
    """All maps of the network (outputs, D, H, W), 0 outside the bone."""
    channels = channels_of(bone.hu, depth_of(bone.mask, network.config.step_mm))
    multiple = network.config.multiple
    fill = [(0, -side % multiple) for side in bone.mask.shape]
    logits = network(np.pad(channels, [(0, 0), *fill])[None])[0]
    depth, height, width = bone.mask.shape
    logits = logits[:, :depth, :height, :width]
    return np.asarray(bone.mask / (1 + np.exp(-logits)), dtype=np.float32)
