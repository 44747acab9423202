"""Train the network that tells left legs from right ones, on windows that draw_limb_views.py drew.

    .venv/bin/python -m experiments.train_limb_sides -o limb-sides.safetensors \
        --windows views/windows

It learns from windows and their mirror images: AdamW, a poly schedule, cross-entropy, bfloat16. The
run lies in a folder beside the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from afunet.anatomy.side_module import LimbSiderModule
from afunet.anatomy.side_network import LIMB_SIDES, LimbSiderConfig
from afunet.training.config import DataConfig, Precision, TrainingConfig
from afunet.training.task import Task, Total
from experiments.drawn import Drawn, learn, learner, load_drawn, seeded

BATCH, ROLL = 64, 3


@dataclass(frozen=True)
class Windows:
    """Windows (N, 2, z, y, x), half of them mirrored, all shifted alike; whether left (N,)."""

    drawn: Drawn

    def batch(self, step: int, size: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """The windows of a step."""
        rng = seeded(step, 1)
        windows, left = self.drawn.rows(step, size)
        mirrored = torch.rand(size, generator=rng) < 0.5
        windows = windows.float()
        windows[mirrored] = windows[mirrored].flip(-1)
        left = torch.where(mirrored, 1 - left, left)
        shifts = torch.randint(-ROLL, ROLL + 1, (3,), generator=rng).tolist()
        return torch.roll(windows, shifts, (2, 3, 4))[part], left[part]


def loss_of(logits: Tensor, left: Tensor, _: Total) -> Tensor:
    """Cross-entropy."""
    return binary_cross_entropy_with_logits(logits.float(), left)


def main(argv: Sequence[str] | None = None) -> None:
    """Read, train, save."""
    parser = learner(__doc__, epochs=10, rate=3e-3)
    parser.add_argument("--windows", type=Path, required=True, help="folder of .npz files")
    args = parser.parse_args(argv)
    drawn = load_drawn(args.windows, ("windows", "left"))
    size = min(BATCH, len(drawn))
    config = TrainingConfig(
        data=(DataConfig(str(args.windows)),),
        batch_size=size,
        validate_every=len(drawn) // size,
        warmup_steps=50,
        weight_decay=1e-2,
        gradient_norm=0,
        precision=Precision.BF16,
    )

    def task(fresh: Callable[[], nn.Module]) -> Task:
        return Task(fresh, Windows(drawn), len(drawn), loss_of, torch.channels_last_3d)

    facts = {"limbs": drawn.limbs, "windows": len(drawn) // size * size}
    learn(LIMB_SIDES, LimbSiderModule, LimbSiderConfig(), task, config, args, facts)


if __name__ == "__main__":
    main()
