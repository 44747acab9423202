"""A label map: which structure each voxel belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.errors import GeometryError
from afunet.geometry.volume import Volume

BACKGROUND = 0
VOXELS_AT_ONCE = 1 << 24


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Integer labels on a grid with a name for each; 0 is the background and has none.

    Raises `GeometryError` for voxels that are not integers and for labels without a name.
    """

    volume: Volume
    names: Mapping[int, str]

    def __post_init__(self) -> None:
        voxels = self.volume.voxels
        if not np.issubdtype(voxels.dtype, np.integer):
            raise GeometryError(f"labels must be integers, got {voxels.dtype}", code="BAD_LABELS")
        unnamed = sorted(set(np.unique(voxels).tolist()) - {BACKGROUND} - set(self.names))
        if unnamed:
            raise GeometryError(
                f"labels {unnamed} have no name, only {sorted(self.names)}: name all of them",
                code="LABEL_UNKNOWN",
            )

    def mask(self, name: str) -> Volume:
        """0/1 uint8 volume of one named structure; `GeometryError` if no label has that name."""
        labels = [label for label, known in self.names.items() if known == name]
        if not labels:
            raise GeometryError(
                f"no structure is named {name!r}: choose from {sorted(self.names.values())}",
                code="UNKNOWN_NAME",
            )
        return self.volume.with_voxels(np.isin(self.volume.voxels, labels).astype(np.uint8))

    def foreground(self) -> Volume:
        """0/1 uint8 volume of all structures together."""
        return self.volume.with_voxels((self.volume.voxels != BACKGROUND).astype(np.uint8))


def label_sizes(labels: NDArray[np.integer], count: int = 1) -> NDArray[np.intp]:
    """Voxels of every label from 0, at least (`count`,); 0 for the background, often the largest.

    NumPy counts in eight bytes a voxel, so only labelled voxels are counted, some at a time.
    """
    count = max(count, int(labels.max(initial=0)) + 1)
    sizes = np.zeros(count, dtype=np.intp)
    at_once = max(1, VOXELS_AT_ONCE * len(labels) // max(labels.size, 1))
    for start in range(0, len(labels), at_once):
        part = labels[start : start + at_once]
        sizes += np.bincount(part[part != BACKGROUND], minlength=count)
    return sizes
