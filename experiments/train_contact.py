"""Train the network for contacts, on bones that draw_contact_bones.py has drawn.

    .venv/bin/python -m experiments.train_contact -o contacts.safetensors --bones pool \
        [--leave-out 001]

Patches of `--patch` voxels a side, half of them from real broken bones, half from virtual breaks;
`--at-contact` of them lie at a contact. The network learns where another fragment is near. AdamW, a
poly schedule, cross-entropy and Dice inside the bone. `--leave-out` leaves out all bones of
patients. The shipped weights and those of the benchmark, 28 epochs of 100 steps on 36 virtual
breaks of each bone and 7 pictures of it, took 40 minutes of one core each:

    --epochs 28 --steps 100 --patch 48 --batch 4 --rate 2e-3 --shares 0.5 0.5 0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.fragments.contact_input import channels_of
from afunet.models.contact_module import ContactModule
from afunet.models.contact_network import CONTACTS, ContactConfig
from afunet.training.config import DataConfig, Precision, TrainingConfig
from afunet.training.task import Task, Total
from experiments.draw_contact_bones import DEPTH_UNIT, STEP_MM
from experiments.drawn import learn, learner

PATCH, BATCH = 32, 12
AT_CONTACT, RARE = 0.7, 3.0
IGNORED = -1
KINDS = ("real", "break", "leg")
"""What a file's name tells of where it comes from."""


@dataclass(frozen=True, eq=False)
class PoolBone:
    """A bone's file, mapped: HU, fragments and depth (3, D, H, W)."""

    path: Path

    @cached_property
    def voxels(self) -> NDArray[np.int16]:
        """HU, fragments and depth."""
        mapped: NDArray[np.int16] = np.load(self.path, mmap_mode="r")
        return mapped

    @cached_property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A few thousand voxels at contacts, maybe none, and of the bone, (N, 3)."""
        fragments = np.asarray(self.voxels[1])
        met = np.concatenate([_changes(fragments, axis) for axis in range(3)])
        return _some(met), _some(np.argwhere(fragments))

    @property
    def kind(self) -> str:
        """Of `KINDS`."""
        return next(kind for kind in KINDS if f"_{kind}" in self.path.name)


def _changes(fragments: NDArray[np.int16], axis: int) -> NDArray[np.int64]:
    lines = np.moveaxis(fragments, axis, 0)
    met = (lines[1:] != lines[:-1]) & (lines[1:] > 0) & (lines[:-1] > 0)
    return np.argwhere(np.moveaxis(met, 0, axis))


def _some(places: NDArray[np.int64]) -> NDArray[np.int64]:
    chosen = np.random.default_rng(0).permutation(len(places))[:4000]
    return places[chosen].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of a pool, `side` voxels wide; `shares` says how often each of `KINDS` is drawn."""

    bones: tuple[PoolBone, ...]
    shares: tuple[float, ...]
    side: int = PATCH
    at_contact: float = AT_CONTACT

    def __len__(self) -> int:
        return len(self.bones)

    def batch(self, step: int, size: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """The patches of a step: channels (B, 3, P, P, P); targets (B, 1, P, P, P) as int8."""
        drawn = [self._patch(np.random.default_rng([step, one])) for one in range(size)[part]]
        inputs, targets = (np.stack(parts) for parts in zip(*drawn, strict=True))
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    @cached_property
    def _of_kind(self) -> tuple[tuple[PoolBone, ...], ...]:
        return tuple(tuple(bone for bone in self.bones if bone.kind == kind) for kind in KINDS)

    def _patch(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        shares = np.array(self.shares) * [len(kind) > 0 for kind in self._of_kind]
        kind = self._of_kind[rng.choice(len(KINDS), p=shares / shares.sum())]
        broken = [bone for bone in kind if len(bone.places[0])]
        met = bool(broken) and rng.random() < self.at_contact
        bone = (broken if met else kind)[rng.integers(len(broken if met else kind))]
        places = bone.places[0 if met else 1]
        centre = places[rng.integers(len(places))] + rng.integers(
            -self.side // 4, self.side // 4 + 1, 3
        )
        patch = _cropped(bone.voxels, centre - self.side // 2, self.side)
        hu, fragments, depth = _turned(rng, patch)
        shown = _shown(rng, hu)
        if bone.kind == "break" or rng.random() < 0.25:
            shown = _lined(rng, shown, fragments)
        return channels_of(shown, depth.astype(np.float32) / DEPTH_UNIT), targets_of(fragments)


def _cropped(voxels: NDArray[np.int16], low: NDArray[np.int64], side: int) -> NDArray[np.int16]:
    """Voxels (3, P, P, P) from a corner on, 0 beyond the bone's box."""
    found = np.zeros((3, side, side, side), dtype=np.int16)
    first, last = np.maximum(low, 0), np.minimum(low + side, voxels.shape[1:])
    if (last > first).all():
        source = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        target = tuple(slice(a, b) for a, b in zip(first - low, last - low, strict=True))
        found[(slice(None), *target)] = voxels[(slice(None), *source)]
    return found


def _turned(rng: np.random.Generator, patch: NDArray[np.int16]) -> NDArray[np.int16]:
    """One of the 48 ways in which a cube can lie or be mirrored."""
    axes = rng.permutation(3) + 1
    flips = tuple(slice(None, None, -1 if rng.random() < 0.5 else 1) for _ in range(3))
    return patch.transpose(0, *axes)[(slice(None), *flips)]


def _shown(rng: np.random.Generator, hu: NDArray[np.int16]) -> NDArray[np.float32]:
    """HU of another scanner or patient: another scale, another offset, more noise."""
    noise = rng.standard_normal(hu.shape, dtype=np.float32) * rng.uniform(0, 25)
    found = hu * rng.uniform(0.75, 1.3) + rng.uniform(-80, 80) + noise
    return np.asarray(found, dtype=np.float32)


def _lined(
    rng: np.random.Generator, hu: NDArray[np.float32], fragments: NDArray[np.int16]
) -> NDArray[np.float32]:
    """A contact that shows: a darker line, a brighter one, or neither."""
    kind = rng.random()
    if kind > 0.85:
        return hu
    line = _touching(fragments)
    if rng.random() < 0.3:
        line &= fragments % 2 == 0
    darker = hu * rng.uniform(0.2, 0.9) + rng.uniform(-60, 30)
    return np.where(line, darker if kind < 0.6 else hu + rng.uniform(30, 250), hu)


def targets_of(fragments: NDArray[np.int16]) -> NDArray[np.int8]:
    """Whether another fragment is within two voxels (1, D, H, W); `IGNORED` outside the bone."""
    bone = fragments > 0
    near = _touching(fragments)
    wide = near.copy()
    for axis in range(3):
        for by in (-1, 1):
            wide |= np.roll(near, by, axis) & bone
    return np.where(bone, wide, IGNORED).astype(np.int8)[None]


def _touching(fragments: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Voxels with a face on another fragment."""
    bone = fragments > 0
    first, second, third = (_met(fragments, bone, axis) for axis in range(3))
    return np.asarray(first | second | third)


def _met(fragments: NDArray[np.int16], bone: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    lines, filled = np.moveaxis(fragments, axis, 0), np.moveaxis(bone, axis, 0)
    differ = (lines[1:] != lines[:-1]) & filled[1:] & filled[:-1]
    found = np.zeros(lines.shape, dtype=np.bool_)
    found[1:] |= differ
    found[:-1] |= differ
    return np.moveaxis(found, 0, axis)


def loss_of(logits: Tensor, targets: Tensor, _: Total, rare: float = RARE) -> Tensor:
    """Cross-entropy and Dice inside the bone; contacts are rare and weigh `rare` times as much."""
    weight, truth = (targets >= 0).float(), (targets > 0).float()
    logits = logits.float()
    weight = weight * (1 + (rare - 1) * truth)
    entropy = binary_cross_entropy_with_logits(logits, truth, reduction="none") * weight
    share = torch.sigmoid(logits) * (targets >= 0)
    dice = (2 * (share * truth).sum() + 1) / (share.sum() + truth.sum() + 1)
    return entropy.sum() / weight.sum().clamp_min(1) + 1 - dice


def pool_of(folder: Path, left_out: Sequence[str]) -> tuple[PoolBone, ...]:
    """The bones of a folder except those of some patients."""
    paths = sorted(folder.glob("*.npy"))
    return tuple(PoolBone(path) for path in paths if path.name.split("_")[0] not in left_out)


def main(argv: Sequence[str] | None = None) -> None:
    """Read, train, save."""
    parser = learner(__doc__, epochs=20, rate=3e-3)
    parser.add_argument("--bones", type=Path, required=True, help="folder of draw_contact_bones.py")
    parser.add_argument("--leave-out", nargs="*", default=[], help="patients, such as 001")
    parser.add_argument("--steps", type=int, default=100, help="of an epoch")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--patch", type=int, default=PATCH)
    parser.add_argument("--at-contact", type=float, default=AT_CONTACT, help="share of patches")
    parser.add_argument("--rare", type=float, default=RARE, help="weight of contacts in the loss")
    parser.add_argument("--precision", type=Precision, choices=Precision, default=Precision.FP32)
    parser.add_argument("--shares", type=float, nargs=3, default=(0.5, 0.5, 0.0), help=str(KINDS))
    parser.add_argument("--widths", type=int, nargs="*", default=ContactConfig().widths)
    args = parser.parse_args(argv)
    patches = Patches(
        pool_of(args.bones, args.leave_out), tuple(args.shares), args.patch, args.at_contact
    )
    config = TrainingConfig(
        data=(DataConfig(str(args.bones)),),
        batch_size=args.batch,
        validate_every=args.steps,
        warmup_steps=30,
        weight_decay=1e-3,
        average_decay=0.98,
        recalibration_batches=8,
        precision=args.precision,
    )
    network = ContactConfig(STEP_MM, widths=tuple(args.widths))

    def task(fresh: Callable[[], nn.Module]) -> Task:
        return Task(
            fresh, patches, len(patches), partial(loss_of, rare=args.rare), torch.channels_last_3d
        )

    facts = {"bones": len(patches), "left out": ", ".join(args.leave_out) or "none"}
    learn(CONTACTS, ContactModule, network, task, config, args, facts)


if __name__ == "__main__":
    main()
