"""nnU-Net's plans: how deep a network is, and how many patches a scan needs.

The rules are those of nnunetv2 2.8 (`ExperimentPlanner`, `get_pool_and_conv_props`,
`compute_steps_for_sliding_window`), for voxels of one size along all axes of the patch. The tests
compare them with nnunetv2 itself, where it is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

STEP = 0.5
"""nnU-Net moves a patch by at most half its size."""
SMALLEST_PX, ALONE_PX = 4, 12
FIRST_FEATURES, MOST_FEATURES = 32, {2: 512, 3: 320}


@dataclass(frozen=True)
class Field:
    """The grid of a whole scan: voxels and their size in mm, along (slice, row, column)."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    def resampled(self, spacing_mm: float) -> tuple[int, ...]:
        """Number of voxels on a grid of cubes, as nnU-Net rounds it."""
        lengths_mm = (n * mm for n, mm in zip(self.shape, self.spacing_mm, strict=True))
        return tuple(round(length_mm / spacing_mm) for length_mm in lengths_mm)


@dataclass(frozen=True)
class Plan:
    """A patch in voxels, (row, column) or (slice, row, column).

    `spacing_mm` is the size of the voxels to which a scan is resampled, None if it keeps its own.
    """

    patch: tuple[int, ...]
    spacing_mm: float | None = None

    @property
    def strides(self) -> tuple[tuple[int, ...], ...]:
        """By how much each stage is coarser than the one before, along each axis; the first is 1.

        An axis is halved as long as 4 voxels are left of it. The last axis alone is only halved
        from 12 voxels on.
        """
        sizes, strides = list(self.patch), [(1,) * len(self.patch)]
        while True:
            halved = [size >= 2 * SMALLEST_PX for size in sizes]
            if sum(halved) == 0 or (sum(halved) == 1 and sizes[halved.index(True)] < ALONE_PX):
                return tuple(strides)
            strides.append(tuple(2 if half else 1 for half in halved))
            sizes = [ceil(size / step) for size, step in zip(sizes, strides[-1], strict=True)]

    @property
    def features(self) -> tuple[int, ...]:
        """Channels of each stage: 32, doubled up to 512 in 2D and 320 in 3D."""
        most = MOST_FEATURES[len(self.patch)]
        return tuple(min(most, FIRST_FEATURES * 2**stage) for stage in range(len(self.strides)))

    @property
    def mirrorings(self) -> int:
        """Passes of one patch if all axes are mirrored: 4 in 2D, 8 in 3D."""
        return 1 << len(self.patch)

    def patches(self, field: Field) -> int:
        """Patches of a whole scan; an axis shorter than the patch is padded to one patch."""
        if self.spacing_mm is None:
            slices, *plane = field.shape
            return slices * _tiles(tuple(plane), self.patch)
        return _tiles(field.resampled(self.spacing_mm), self.patch)


def _tiles(size: tuple[int, ...], patch: tuple[int, ...]) -> int:
    """Patches that overlap by at least half and cover an image."""
    beyond = (max(0, whole - part) for whole, part in zip(size, patch, strict=True))
    return prod(ceil(rest / (part * STEP)) + 1 for rest, part in zip(beyond, patch, strict=True))
