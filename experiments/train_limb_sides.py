"""Train the network that tells left legs from right ones, on windows of LLP26 limbs.

    shapes=$AFUNET_DATA/shapes-llp26
    .venv/bin/python experiments/train_limb_sides.py -o limb-sides.safetensors \
        --limbs "$shapes/sample0*.npz" "$shapes/sample1[0-3].npz"

Samples 14 to 19 are kept to measure by (benchmarks/bone_names.py). Limbs are drawn between the
given ones and shown in random fields of view, whole or broken, all bones of a leg or one alone;
windows of them lie in `--windows` (a folder that a second call goes on from). Then the network
learns from them and their mirror images: AdamW, a poly schedule, cross-entropy.
"""

from __future__ import annotations

import argparse
from glob import glob
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.models.limb_sider import LIMB_SIDES, LimbSider, LimbSiderConfig, limb_windows
from afunet.phantom.limb_points import CLASSES, LEFT, LEG, RIGHT, Limb, draw_limbs, limbs_like
from afunet.training.schedule import poly

FIELDS, GIVEN, MIXED = 400, 1, 6
LEAST_MM3, MOST_WINDOWS, ONE_BONE = 5000.0, 3, 0.2
BATCH, ROLL = 64, 3
CONFIG = LimbSiderConfig()
BONES = [CLASSES.index(name) for name in (*LEG, "foot")]


def field_of_view(limbs: list[Limb], rng: np.random.Generator) -> list[tuple[Tensor, bool]]:
    """Windows (N, 2, z, y, x) of each leg in a random field of view, and whether it is left."""
    drawn = draw_limbs(limbs, rng)
    points, field = drawn.points, drawn.field
    found = []
    for side in (LEFT, RIGHT):
        leg = points.where(np.isin(points.bone, BONES) & (points.side == side))
        if len(leg.mm) and rng.random() < ONE_BONE:
            leg = leg.where(leg.bone == rng.choice(np.unique(leg.bone)))
        if len(leg.mm) * drawn.point_mm3 < LEAST_MM3:
            continue
        windows = limb_windows(
            leg.mm,
            drawn.point_mm3 * rng.uniform(0.9, 1.15),
            lambda mm: np.asarray(((mm > field.low_mm) & (mm < field.high_mm)).all(axis=-1)),
            CONFIG,
        )
        chosen = rng.permutation(len(windows))[:MOST_WINDOWS]
        found.append((windows[torch.from_numpy(chosen)], side == LEFT))
    return found


def draw_windows(folder: Path, files: list[Path], parts: range) -> None:
    """Write `parts` of the windows, `FIELDS` fields of view each, those that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        path = folder / f"{part:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([part, 91])
        limbs = limbs_like(files, rng, GIVEN, MIXED)
        drawn = [pair for _ in range(FIELDS) for pair in field_of_view(limbs, rng)]
        windows = torch.cat([some for some, _ in drawn]).half().numpy()
        left = np.repeat([left for _, left in drawn], [len(some) for some, _ in drawn])
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, windows=windows, left=left.astype(np.float32))
        partial.replace(path)
        print(f"part {part}: {len(left)} windows", flush=True)


def main() -> None:
    """Draw, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--limbs", nargs="+", required=True)
    parser.add_argument("--windows", type=Path, default=Path("windows"))
    parser.add_argument("--parts", type=int, nargs=2, default=(0, 30), help="first, end")
    parser.add_argument("--draw-only", action="store_true")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=3e-3)
    args = parser.parse_args()
    files = sorted({Path(name) for pattern in args.limbs for name in glob(pattern)})
    parts = range(*args.parts)
    draw_windows(args.windows, files, parts)
    if args.draw_only:
        return
    loaded = [np.load(args.windows / f"{part:03d}.npz") for part in parts]
    windows, left = (
        torch.from_numpy(np.concatenate([part[name] for part in loaded]))
        for name in ("windows", "left")
    )
    torch.manual_seed(0)
    model = LimbSider(CONFIG)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=1e-2)
    whole = len(left) // BATCH * BATCH
    done = count()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for chosen in torch.randperm(len(left))[:whole].view(-1, BATCH):
            for group in optimizer.param_groups:
                group["lr"] = poly(args.rate, next(done), args.epochs * whole // BATCH, 0.9, 50)
            inputs, sides = windows[chosen].float(), left[chosen]
            mirrored = torch.rand(BATCH) < 0.5
            inputs[mirrored] = inputs[mirrored].flip(-1)
            sides = torch.where(mirrored, 1 - sides, sides)
            shifts = torch.randint(-ROLL, ROLL + 1, (3,)).tolist()
            inputs = torch.roll(inputs, shifts, (2, 3, 4))
            loss = binary_cross_entropy_with_logits(model(inputs), sides)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
        facts = {"limbs": [path.stem for path in files], "windows": whole, "epochs": epoch + 1}
        LIMB_SIDES.save(args.output, model, facts)


if __name__ == "__main__":
    main()
