"""A small network that tells which bone a place in a coarse bone mask belongs to.

It sees no CT, only how full of bone its surroundings are, finely near by and ever more coarsely
further away: names follow from shape, place and neighbours. Means over boxes at long range as
features are those of Criminisi et al. (2010), read from summed-volume tables (Viola and Jones
2001); the classifier over them is a multilayer perceptron. Its weights lie in one safetensors file
whose metadata hold the configuration and a SHA-256 of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from afunet.errors import CheckpointError
from afunet.models.checkpoint import digest_of, halved, single

METADATA_KEY = "afunet bone names"


@dataclass(frozen=True)
class BoneNamerConfig:
    """What the network sees and tells.

    `classes` are the names of bones in the order of its outputs. The grid's voxels are `step_mm`
    wide along the patient's axes. Of each width in `cells`, in voxels, it sees a cube of
    2 · `reach` + 1 cells a side, and of the `seen_from` widest ones also what part the scan shows.
    """

    classes: tuple[str, ...]
    step_mm: float = 4.0
    cells: tuple[int, ...] = (1, 2, 5, 11, 23, 47)
    reach: int = 2
    seen_from: int = 2
    widths: tuple[int, ...] = (640, 384, 192)

    @property
    def inputs(self) -> int:
        """How many numbers describe a place."""
        return (len(self.cells) + self.seen_from) * (2 * self.reach + 1) ** 3


class BoneNamer(nn.Module):
    """Surroundings (N, inputs) → (N, classes + 1): logits of the classes, then of the left side."""

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
        """Layer by layer."""
        return self.head(self.layers(surroundings))  # type: ignore[no-any-return]


def surroundings(full: Tensor, seen: Tensor, places: Tensor, config: BoneNamerConfig) -> Tensor:
    """What lies about some voxels of a grid, (N, inputs).

    `full` (z, y, x) is the share of bone in a voxel, `seen` (z, y, x) whether the scan shows it,
    both 0 to 1, `places` (N, 3) are indices (z, y, x). Means are given as their square roots, for
    bone fills little of a wide box.
    """
    bone, shown = _table(full), _table(seen)
    found = [_box_means(bone, places, cell, config.reach) for cell in config.cells]
    if config.seen_from:
        wide = config.cells[-config.seen_from :]
        found += [_box_means(shown, places, cell, config.reach) for cell in wide]
    return torch.cat(found, dim=1).clamp(min=0).sqrt()


def _table(values: Tensor) -> Tensor:
    """Sums over all voxels before an index along every axis, (z + 1, y + 1, x + 1)."""
    sums = values.double()
    for axis in range(3):
        sums = sums.cumsum(axis)
    return nn.functional.pad(sums, (1, 0) * 3)


def _box_means(table: Tensor, places: Tensor, cell: int, reach: int) -> Tensor:
    """Means (N, (2 · reach + 1)³) over boxes of `cell` voxels a side about each place."""
    edges = torch.arange(2 * reach + 2) * cell - (reach * cell + cell // 2)
    z, y, x = (
        (places[:, axis, None] + edges).clamp(0, table.shape[axis] - 1) for axis in range(3)
    )  # (N, edges)
    sums = table[z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]]
    for axis in (1, 2, 3):
        sums = sums.diff(dim=axis)
    return (sums / cell**3).flatten(1).float()


def save_bone_namer(path: Path, model: BoneNamer, training: Mapping[str, Any]) -> str:
    """Write weights as float16 with `training` beside them; returns the digest."""
    weights = {key: value.contiguous() for key, value in halved(model.state_dict()).items()}
    header = {"config": asdict(model.config), "training": dict(training)}
    header = json.loads(json.dumps(header))  # as it will be read
    digest = digest_of(header, weights)
    save_file(weights, str(path), {METADATA_KEY: json.dumps({**header, "sha256": digest})})
    return digest


def load_bone_namer(path: Path) -> BoneNamer:
    """The network in evaluation mode; `CheckpointError` for anything but an intact file."""
    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {})[METADATA_KEY])
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        expected = header.pop("sha256")
        if digest_of(header, weights) != expected:
            raise ValueError("it was altered")
        lists = {key: _frozen(value) for key, value in header["config"].items()}
        model = BoneNamer(BoneNamerConfig(**lists))
        model.load_state_dict(single(weights))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path.name} holds no intact bone names: {reason}") from error
    return model.eval()


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
