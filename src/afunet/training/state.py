"""The state of a run and its checkpoint, `last.pt`."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from torch import nn

from afunet.errors import CheckpointError
from afunet.training.averaging import average_of
from afunet.training.config import Optimizer, Precision, TrainingConfig
from afunet.whole_file import whole_file

LAST = "last.pt"


@dataclass
class TrainingState:
    """The network with its average, the optimizer, the step reached and the best score so far.

    `precision` is what this machine computes in.
    """

    step: int
    best: float
    model: nn.Module
    average: nn.Module | None
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    precision: Precision


def start(
    config: TrainingConfig,
    model: nn.Module,
    run: Path,
    device: torch.device,
    precision: Precision | None = None,
) -> TrainingState:
    """A new state of a network on `device`, or the one in `run/last.pt` if it exists.

    `precision` replaces that of the configuration.
    """
    precision = precision or config.precision
    average = average_of(model, config.average_decay) if config.average_decay else None
    scaler = torch.amp.GradScaler(device.type, enabled=precision is Precision.FP16)
    optimizer = _optimizer(config, model)
    state = TrainingState(0, float("-inf"), model, average, optimizer, scaler, precision)
    if (run / LAST).exists():
        _resume(state, run / LAST, device)
    return state


def save(state: TrainingState, run: Path) -> None:
    """Write `last.pt` completely or not at all; `OutputError` if it cannot be written."""
    average = None if state.average is None else state.average.state_dict()
    content = {
        "step": state.step,
        "best": state.best,
        "model": state.model.state_dict(),
        "average": average,
        "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(),
    }
    buffer = BytesIO()  # torch's own writer has no error class for a full disk
    torch.save(content, buffer)
    with whole_file(run / LAST) as unfinished:
        unfinished.write_bytes(buffer.getbuffer())


def _optimizer(config: TrainingConfig, model: nn.Module) -> torch.optim.Optimizer:
    parameters = model.parameters()
    if config.optimizer is Optimizer.SGD:
        return torch.optim.SGD(
            parameters,
            config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
    return torch.optim.AdamW(
        parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def _resume(state: TrainingState, path: Path, device: torch.device) -> None:
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        state.model.load_state_dict(saved["model"])
        state.optimizer.load_state_dict(saved["optimizer"])
        state.scaler.load_state_dict(saved["scaler"])
        if state.average is not None:
            state.average.load_state_dict(saved["average"])
        state.step, state.best = saved["step"], saved["best"]
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(
            f"cannot resume from {path.name}: {reason}", code="NOT_RESUMED"
        ) from error
