"""Train the network that names bones, on places that draw_limb_views.py has drawn.

    .venv/bin/python -m experiments.train_bone_names -o bone-names.safetensors --places views/places

AdamW, a poly schedule, cross-entropy of bone and side. The run lies in a folder beside the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from afunet.anatomy.bone_module import BoneNamerModule
from afunet.anatomy.bone_network import BONE_NAMES, BoneNamerConfig
from afunet.phantom.views.points import CLASSES
from afunet.training.config import DataConfig, TrainingConfig
from afunet.training.task import Task, Total
from experiments.drawn import Drawn, learn, learner, load_drawn, seeded

BATCH, NOISE = 4096, 0.02


@dataclass(frozen=True)
class Places:
    """Surroundings (N, inputs) with a little noise; class and how left (N, 2), -1 for no side."""

    drawn: Drawn

    def batch(self, step: int, size: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """The places of a step."""
        found, bone, left = self.drawn.rows(step, size)
        noise = torch.randn(found.shape, generator=seeded(step, 1))
        return (found.float() + NOISE * noise)[part], torch.stack([bone, left], dim=1)[part]


def loss_of(logits: Tensor, told: Tensor, _: Total) -> Tensor:
    """Both cross-entropies."""
    bone, left = told[:, 0].long(), told[:, 1].float()
    sided = left >= 0
    sides = binary_cross_entropy_with_logits(logits[sided, -1], left[sided])
    return cross_entropy(logits[:, :-1], bone) + sides


def main(argv: Sequence[str] | None = None) -> None:
    """Read, train, save."""
    parser = learner(__doc__, epochs=14, rate=2e-3)
    parser.add_argument("--places", type=Path, required=True, help="folder of .npz files")
    args = parser.parse_args(argv)
    drawn = load_drawn(args.places, ("found", "bone", "left"))
    size = min(BATCH, len(drawn))
    config = TrainingConfig(
        data=(DataConfig(str(args.places)),),
        batch_size=size,
        validate_every=len(drawn) // size,
        warmup_steps=100,
        weight_decay=1e-3,
        gradient_norm=0,
    )

    def task(fresh: Callable[[], nn.Module]) -> Task:
        return Task(fresh, Places(drawn), len(drawn), loss_of, torch.contiguous_format)

    facts = {"limbs": drawn.limbs, "places": len(drawn)}
    learn(BONE_NAMES, BoneNamerModule, BoneNamerConfig(CLASSES), task, config, args, facts)


if __name__ == "__main__":
    main()
