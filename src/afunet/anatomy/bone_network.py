"""What the network for bone names sees: it predicts which bone a place in a coarse mask is of.

It does not see the CT, only the share of bone around the place, in small boxes near by and in ever
larger ones further away: names follow from shape, position and neighbours. Such means over distant
boxes are the features of Criminisi et al. (2010), read from summed-volume tables (Viola and Jones
2001); the classifier is a multilayer perceptron.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afunet.models.model_file import ModelFile, Network

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class BoneNamerConfig:
    """What the network takes and gives.

    `classes` are the names of bones in the order of its outputs. The grid's voxels are `step_mm`
    wide along the patient's axes. For each width in `cells`, in voxels, the network sees a cube of
    2 · `reach` + 1 cells a side; for the `seen_from` largest widths it also sees which part of each
    cell lies in the field of view.
    """

    classes: tuple[str, ...]
    step_mm: float = 4.0
    cells: tuple[int, ...] = (1, 2, 5, 11, 23, 47)
    reach: int = 2
    seen_from: int = 2
    widths: tuple[int, ...] = (640, 384, 192)

    @property
    def inputs(self) -> int:
        """The number of features of a place."""
        return (len(self.cells) + self.seen_from) * (2 * self.reach + 1) ** 3


def surroundings(
    full: NDArray[Any], seen: NDArray[Any], places: NDArray[np.int64], config: BoneNamerConfig
) -> Float32Array:
    """Return the features of places in a grid, (N, inputs).

    `full` (z, y, x) is the share of bone in each voxel, `seen` (z, y, x) whether the scan shows it,
    both from 0 to 1; `places` (N, 3) are indices (z, y, x). The features are square roots of means,
    because bone fills little of a large box.
    """
    bone, shown = _table(full), _table(seen)
    found = [_box_means(bone, places, cell, config.reach) for cell in config.cells]
    if config.seen_from:
        wide = config.cells[-config.seen_from :]
        found += [_box_means(shown, places, cell, config.reach) for cell in wide]
    features = np.sqrt(np.maximum(np.concatenate(found, axis=1), 0))
    return np.asarray(features, dtype=np.float32)


def _table(values: NDArray[Any]) -> FloatArray:
    """The summed-volume table: sums over all voxels before an index, (z + 1, y + 1, x + 1)."""
    sums = values.astype(np.float64)
    for axis in range(3):
        sums = sums.cumsum(axis)
    return np.pad(sums, (1, 0))


def _box_means(table: FloatArray, places: NDArray[np.int64], cell: int, reach: int) -> Float32Array:
    """Means over boxes of `cell` voxels a side around each place, (N, (2 · reach + 1)³)."""
    edges = np.arange(2 * reach + 2) * cell - (reach * cell + cell // 2)
    z, y, x = (
        (places[:, axis, None] + edges).clip(0, table.shape[axis] - 1) for axis in range(3)
    )  # (N, edges)
    sums = table[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
    for axis in (1, 2, 3):
        sums = np.diff(sums, axis=axis)
    means = sums / cell**3
    return np.asarray(means.reshape(len(places), -1), dtype=np.float32)


BoneNamer = Network[BoneNamerConfig]
"""Features (N, inputs) → logits (N, classes + 1) of the classes, then of the left side."""
BONE_NAMES = ModelFile("bone names", BoneNamerConfig)
"""The file formats of the network."""
