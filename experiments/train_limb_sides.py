"""Train the network that tells left legs from right ones, on windows that draw_limb_views.py drew.

    .venv/bin/python experiments/train_limb_sides.py -o limb-sides.safetensors \
        --windows views/windows

It learns from windows and their mirror images: AdamW, a poly schedule, cross-entropy, bfloat16.
"""

from __future__ import annotations

import argparse
import sys
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.anatomy.side_network import LIMB_SIDES, LimbSider, LimbSiderConfig
from afunet.training.schedule import poly

BATCH, ROLL = 64, 3


def main() -> None:
    """Read, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--windows", type=Path, required=True, help="folder of .npz files")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--start-from", type=Path, help="go on from another file's weights")
    args = parser.parse_args()
    loaded = [dict(np.load(path)) for path in sorted(args.windows.glob("*.npz"))]
    if not loaded:
        sys.exit(f"no .npz in {args.windows}: draw some with experiments/draw_limb_views.py")
    windows, left = (
        torch.from_numpy(np.concatenate([part.pop(name) for part in loaded]))
        for name in ("windows", "left")
    )
    limbs = sorted({str(name) for part in loaded for name in part["limbs"]})
    torch.manual_seed(0)
    model = LIMB_SIDES.load(args.start_from) if args.start_from else LimbSider(LimbSiderConfig())
    model = model.to(memory_format=torch.channels_last_3d)
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
            inputs = inputs.to(memory_format=torch.channels_last_3d)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(inputs)
            loss = binary_cross_entropy_with_logits(logits.float(), sides)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
        facts = {"limbs": limbs, "windows": whole, "epochs": epoch + 1}
        LIMB_SIDES.save(args.output, model, facts)


if __name__ == "__main__":
    main()
