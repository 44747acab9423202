"""Train the network that names bones, on places that draw_limb_views.py has drawn.

    .venv/bin/python experiments/train_bone_names.py -o bone-names.safetensors --places views/places

AdamW, a poly schedule, cross-entropy of bone and side.
"""

from __future__ import annotations

import argparse
import copy
import sys
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from afunet.models.bone_namer import BONE_NAMES, BoneNamer, BoneNamerConfig
from afunet.phantom.views.points import CLASSES
from afunet.training.schedule import poly


def loss_of(logits: Tensor, bone: Tensor, left: Tensor) -> Tensor:
    """Both cross-entropies; `left` (N,) is -1 where there is no side."""
    sided = left >= 0
    sides = binary_cross_entropy_with_logits(logits[sided, -1], left[sided].float())
    return cross_entropy(logits[:, :-1], bone) + sides


def main() -> None:
    """Read, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--places", type=Path, required=True, help="folder of .npz files")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--start-from", type=Path, help="go on from another file's weights")
    args = parser.parse_args()
    loaded = [dict(np.load(path)) for path in sorted(args.places.glob("*.npz"))]
    if not loaded:
        sys.exit(f"no .npz in {args.places}: draw some with experiments/draw_limb_views.py")
    found, bone, left = (
        torch.from_numpy(np.concatenate([part.pop(name) for part in loaded]))
        for name in ("found", "bone", "left")
    )
    limbs = sorted({str(name) for part in loaded for name in part["limbs"]})
    torch.manual_seed(0)
    start: Path | None = args.start_from
    model = BONE_NAMES.load(start) if start else BoneNamer(BoneNamerConfig(CLASSES))
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
        facts = {"limbs": limbs, "places": len(bone), "epochs": epoch + 1}
        BONE_NAMES.save(args.output, copy.deepcopy(model).eval(), facts)


if __name__ == "__main__":
    main()
