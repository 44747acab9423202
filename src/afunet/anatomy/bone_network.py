"""A small network that predicts which bone a place in a coarse bone mask belongs to.

It does not see the CT, only the share of bone around the place, in small boxes near by and in ever
larger ones further away: names follow from shape, position and neighbours. Such means over distant
boxes are the features of Criminisi et al. (2010), read from summed-volume tables (Viola and Jones
2001); the classifier is a multilayer perceptron.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from afunet.models.model_file import ModelFile


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


class BoneNamer(nn.Module):
    """Features (N, inputs) → logits (N, classes + 1) of the classes, then of the left side."""

    def __init__(self, config: BoneNamerConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = [nn.BatchNorm1d(config.inputs)]
        for inputs, outputs in zip(
            (config.inputs, *config.widths[:-1]), config.widths, strict=True
        ):
            layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
            layers += [nn.Dropout(0.2)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(config.widths[-1], len(config.classes) + 1)

    def forward(self, surroundings: Tensor) -> Tensor:
        """Return the logits, (N, classes + 1)."""
        return self.head(self.layers(surroundings))  # type: ignore[no-any-return]


def surroundings(full: Tensor, seen: Tensor, places: Tensor, config: BoneNamerConfig) -> Tensor:
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
    return torch.cat(found, dim=1).clamp(min=0).sqrt()


def _table(values: Tensor) -> Tensor:
    """The summed-volume table: sums over all voxels before an index, (z + 1, y + 1, x + 1)."""
    sums = values.double()
    for axis in range(3):
        sums = sums.cumsum(axis)
    return nn.functional.pad(sums, (1, 0) * 3)


def _box_means(table: Tensor, places: Tensor, cell: int, reach: int) -> Tensor:
    """Means over boxes of `cell` voxels a side around each place, (N, (2 · reach + 1)³)."""
    edges = torch.arange(2 * reach + 2) * cell - (reach * cell + cell // 2)
    z, y, x = (
        (places[:, axis, None] + edges).clamp(0, table.shape[axis] - 1) for axis in range(3)
    )  # (N, edges)
    sums = table[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
    for axis in (1, 2, 3):
        sums = sums.diff(dim=axis)
    return (sums / cell**3).flatten(1).float()


BONE_NAMES = ModelFile("bone names", BoneNamerConfig, BoneNamer)
"""The file format of their weights."""
