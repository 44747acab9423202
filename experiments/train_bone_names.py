"""Train the network that names bones, on points of LLP26 limbs in random fields of view.

    shapes=$AFUNET_DATA/shapes-llp26
    .venv/bin/python experiments/train_bone_names.py -o bone-names.safetensors \
        --limbs "$shapes/sample0*.npz" "$shapes/sample1[0-3].npz"

Samples 14 to 19 are kept to measure by (benchmarks/bone_names.py). Limbs are drawn between the
given ones, then the surroundings of some places in random fields of view, as many of each bone and
side, into `--places` (a folder that a second call goes on from); then the network learns from them:
AdamW, a poly schedule, cross-entropy of bone and side.
"""

from __future__ import annotations

import argparse
import copy
from glob import glob
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from afunet.inference.coarse import CoarseGrid
from afunet.models.bone_namer import BONE_NAMES, BoneNamer, BoneNamerConfig, surroundings
from afunet.phantom.limb_points import CLASSES, OTHER, RIGHT, Limb, draw_limbs, limbs_like
from afunet.training.schedule import poly

LARGEST, EACH, FIELDS = 1_500_000, 30, 250
GIVEN, MIXED = 1, 6
CONFIG = BoneNamerConfig(CLASSES)


def field_of_view(limbs: list[Limb], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Surroundings (N, inputs), class (N,), and how left it is (N,), -1 where it has no side."""
    rng = np.random.default_rng([seed, 31])
    while True:
        drawn = draw_limbs(limbs, rng)
        points = drawn.points
        low, high = points.mm.min(axis=0), points.mm.max(axis=0)
        grid = CoarseGrid.around(low - rng.uniform(0, CONFIG.step_mm, 3), high, CONFIG.step_mm)
        if np.prod(grid.shape) <= LARGEST:
            break
    cells = grid.cells(points.mm)
    full = grid.filled(cells, drawn.point_mm3 * rng.uniform(0.9, 1.15))
    centres = grid.centres_mm()
    seen = ((centres > drawn.field.low_mm) & (centres < drawn.field.high_mm)).all(axis=-1)
    sided = points.bone != CLASSES.index(OTHER)
    left = np.where(sided, points.side != RIGHT, -1.0)
    kinds = 2 * points.bone.astype(int) + points.side
    chosen = np.concatenate(
        [
            rng.choice(np.flatnonzero(kinds == kind), EACH, replace=False)
            for kind in np.unique(kinds)
            if (kinds == kind).sum() >= EACH
        ]
    )
    z, y, x = np.unravel_index(cells[chosen], grid.shape)
    left = left[chosen]
    if rng.random() < 0.5:  # the body mirrored: its left is its right
        full, seen, x = full[..., ::-1], seen[..., ::-1], grid.shape[2] - 1 - x
        left = np.where(left >= 0, 1 - left, -1)
    found = surroundings(
        torch.from_numpy(full.copy()),
        torch.from_numpy(seen.copy()),
        torch.from_numpy(np.stack([z, y, x], axis=-1)),
        CONFIG,
    )
    return found, torch.from_numpy(points.bone[chosen].astype(np.int64)), torch.from_numpy(left)


def draw_places(folder: Path, files: list[Path], parts: range) -> None:
    """Write `parts` of the places, `FIELDS` fields of view each, those that are not there yet.

    Every part has limbs of its own: `GIVEN` of the files and `MIXED` drawn between all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        path = folder / f"{part:03d}.npz"
        if path.exists():
            continue
        limbs = limbs_like(files, np.random.default_rng([part, 37]), GIVEN, MIXED)
        drawn = [field_of_view(limbs, FIELDS * part + number) for number in range(FIELDS)]
        found, bone, left = (torch.cat(values).numpy() for values in zip(*drawn, strict=True))
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, found=found.astype(np.float16), bone=bone, left=left)
        partial.replace(path)
        print(f"part {part}: {len(bone)} places", flush=True)


def loss_of(logits: Tensor, bone: Tensor, left: Tensor) -> Tensor:
    """Both cross-entropies."""
    sided = left >= 0
    sides = binary_cross_entropy_with_logits(logits[sided, -1], left[sided].float())
    return cross_entropy(logits[:, :-1], bone) + sides


def main() -> None:
    """Draw, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--limbs", nargs="+", required=True)
    parser.add_argument("--places", type=Path, default=Path("places"))
    parser.add_argument("--parts", type=int, nargs=2, default=(0, 20), help="first, end")
    parser.add_argument("--draw-only", action="store_true")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start-from", type=Path, help="go on from another file's weights")
    args = parser.parse_args()
    files = sorted({Path(name) for pattern in args.limbs for name in glob(pattern)})
    parts = range(*args.parts)
    draw_places(args.places, files, parts)
    if args.draw_only:
        return
    loaded = [np.load(args.places / f"{part:03d}.npz") for part in parts]
    found, bone, left = (
        torch.from_numpy(np.concatenate([part[name] for part in loaded]))
        for name in ("found", "bone", "left")
    )
    torch.manual_seed(0)
    model = BONE_NAMES.load(args.start_from).float() if args.start_from else BoneNamer(CONFIG)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=1e-3)
    batch, steps = 4096, args.epochs * (len(bone) // 4096)
    done = count()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for chosen in torch.randperm(len(bone))[: len(bone) // batch * batch].view(-1, batch):
            for group in optimizer.param_groups:
                group["lr"] = poly(args.rate, next(done), steps, 0.9, 100)
            inputs = found[chosen].float()
            inputs = inputs + 0.02 * torch.randn_like(inputs)
            loss = loss_of(model(inputs), bone[chosen], left[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
        facts = {"limbs": [path.stem for path in files], "places": len(bone), "epochs": epoch + 1}
        BONE_NAMES.save(args.output, copy.deepcopy(model).eval(), facts)


if __name__ == "__main__":
    main()
