"""What an unbroken bone's mask says, worked out once for all its breaks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import edt
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from afunet.fragments.broken_bone import BrokenBone
from afunet.phantom.shapes.arrays import BoolArray, Float32Array, FloatArray, IntArray

_MARGIN_VOXELS, _SHELL_MM, _KEPT_BONES = 4, 3.0, 16


@dataclass(frozen=True, eq=False)
class Whole:
    """A bone within its box, with a margin of four voxels.

    `first` (3,) is the index of the box's first voxel in the bone's volume, below 0 where the
    margin goes beyond it. `depth_mm` is below the bone's surface, which runs between voxels;
    negative outside. `points` (N, 3) are the centres of the bone's voxels in its frame. `shell`
    are flat indices of voxels just outside, `nearest` those of the bone's voxels beside them.
    """

    first: IntArray
    spacing_mm: FloatArray
    inside: BoolArray
    depth_mm: Float32Array
    points: Float32Array
    shell: IntArray
    nearest: IntArray

    def continued(self, hu: Float32Array) -> Float32Array:
        """HU (box shape) that go on outside the bone as at its surface, for 3 mm."""
        filled = hu.ravel()
        filled[self.shell] = filled[self.nearest]
        return filled.reshape(hu.shape)


def boxed(bone: BrokenBone) -> Float32Array:
    """The bone's HU within its box and margin, a copy."""
    return np.pad(bone.hu.voxels[_box(bone)].astype(np.float32), _MARGIN_VOXELS)


def _box(bone: BrokenBone) -> tuple[slice, ...]:
    box: tuple[slice, ...] = ndimage.find_objects((bone.fragments.voxels > 0).astype(np.uint8))[0]
    return box


@lru_cache(maxsize=_KEPT_BONES)
def whole_of(bone: BrokenBone) -> Whole:
    """The mask's facts, kept for the bones asked for last."""
    spacing = np.array(bone.hu.array_spacing_mm)
    box = _box(bone)
    first = np.array([part.start for part in box]) - _MARGIN_VOXELS
    inside = np.pad(bone.fragments.voxels[box] > 0, _MARGIN_VOXELS)
    depth = _depth(inside, spacing)
    shell = np.flatnonzero((depth < 0) & (depth > -_SHELL_MM))
    rim = np.flatnonzero((depth > 0) & (depth < _SHELL_MM))
    places = [np.stack(np.unravel_index(part, inside.shape), -1) * spacing for part in (shell, rim)]
    _, nearest = cKDTree(places[1]).query(places[0])
    points = ((np.argwhere(inside) + first) * spacing).astype(np.float32)
    return Whole(first, spacing, inside, depth, points, shell, rim[nearest])


def _depth(inside: BoolArray, spacing_mm: FloatArray) -> Float32Array:
    half = np.float32(spacing_mm.min() / 2)
    deep = edt.edt(inside, anisotropy=tuple(spacing_mm), black_border=False, parallel=1)
    high = edt.edt(~inside, anisotropy=tuple(spacing_mm), black_border=False, parallel=1)
    return np.asarray(np.where(inside, deep - half, half - high), dtype=np.float32)
