"""What draw_limb_views.py drew, and how a network learns from it: whole passes, each reshuffled."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from afunet.models.model_file import ModelFile
from afunet.training.config import TrainingConfig
from afunet.training.loop import train
from afunet.training.recording import LOG, losses_in
from afunet.training.task import Task
from benchmarks.bench import parser_of


@dataclass(frozen=True, eq=False)
class Drawn:
    """Arrays of equally many rows, and the limbs that they were drawn from."""

    arrays: tuple[Tensor, ...]
    limbs: list[str]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def rows(self, step: int, size: int) -> list[Tensor]:
        """Of each array those of a step; a pass leaves out what does not fill a last batch."""
        epoch, place = divmod(step, len(self) // size)
        chosen = _order(len(self), epoch)[place * size : (place + 1) * size]
        return [array[chosen] for array in self.arrays]


@lru_cache(maxsize=1)
def _order(count: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=seeded(epoch, 0))


def seeded(step: int, stream: int) -> torch.Generator:
    """Random numbers of a step, the same whenever they are asked for."""
    return torch.Generator().manual_seed(2 * step + stream)


def load_drawn(folder: Path, names: Sequence[str]) -> Drawn:
    """The arrays of these names from all files of a folder; ends where there are none."""
    loaded = [dict(np.load(path)) for path in sorted(folder.glob("*.npz"))]
    if not loaded:
        sys.exit(f"no .npz in {folder}: draw some with experiments/draw_limb_views.py")
    limbs = sorted({str(name) for part in loaded for name in part["limbs"]})
    arrays = (torch.from_numpy(np.concatenate([part[name] for part in loaded])) for name in names)
    return Drawn(tuple(arrays), limbs)


def learner(doc: str | None, epochs: int, rate: float) -> argparse.ArgumentParser:
    """What both trainings are told, with their defaults."""
    parser = parser_of(doc)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--start-from", type=Path, help="go on from another file's weights")
    return parser


def learn(
    file: ModelFile[Any],
    build: Callable[[Any], nn.Module],
    network: object,
    task: Callable[[Callable[[], nn.Module]], Task],
    config: TrainingConfig,
    args: argparse.Namespace,
    facts: Mapping[str, object],
) -> None:
    """Train for whole passes; after each print its mean loss and keep the network with `facts`.

    `network` is the configuration of a new one. `config` says how long a pass is by
    `validate_every`: nothing is held out, so the latest network is the one to keep. A run that was
    stopped goes on from its folder, which is named as the output.
    """
    first: Any = file.load_module(args.start_from, build) if args.start_from else None
    run, pass_steps = args.output.with_suffix(""), config.validate_every
    config = replace(
        config, model=file.kind, steps=args.epochs * pass_steps, learning_rate=args.rate
    )

    def fresh() -> nn.Module:
        torch.manual_seed(config.seed)
        return build(first.config if first else network)

    def keep(model: nn.Module, step: int, score: float) -> None:
        mean = np.mean(losses_in(run / LOG)[-pass_steps:])
        print(f"epoch {step // pass_steps}: loss {mean:.4f}", flush=True)
        file.save(args.output, model, {**facts, "epochs": step // pass_steps})

    train(
        config,
        task(fresh),
        run,
        validate=lambda model, step: float(step),
        keep_best=keep,
        device=torch.device("cpu"),
        initial=first.state_dict() if first else None,
    )
