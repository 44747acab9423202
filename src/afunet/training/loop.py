"""The training loop, read from top to bottom.

A run is a folder: `config.json`, `last.pt` (everything needed to go on: torch's own container,
read with `weights_only=True`, so nothing is unpickled), `best.safetensors` (what inference
reads), `log.csv` and TensorBoard's events.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from afunet.data.slices import CropSampler, prefetched
from afunet.errors import Cancelled, CheckpointError, ConfigError, TrainingError
from afunet.models import build_model
from afunet.progress import CancelToken, Progress, silent
from afunet.training.averaging import average_of, recalibrate
from afunet.training.config import Optimizer, Precision, TrainingConfig, config_to_json
from afunet.training.losses import segmentation_loss
from afunet.training.schedule import poly

Validate = Callable[[nn.Module], float]
Record = Callable[[str, float, int], None]

LAST = "last.pt"
CHECKPOINT_SECONDS = 120.0


@dataclass
class TrainingState:
    """What changes while a run goes on."""

    step: int
    best: float
    model: nn.Module
    average: nn.Module | None
    optimizer: torch.optim.Optimizer


def train(
    config: TrainingConfig,
    sampler: CropSampler,
    run: Path,
    *,
    validate: Validate,
    keep_best: Callable[[nn.Module, int, float], None],
    device: torch.device,
    initial: Mapping[str, Tensor] | None = None,
    record: Record = lambda name, value, step: None,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> float:
    """Train to `config.steps`, going on from `run/last.pt` where there is one.

    `validate` scores the network that would be shipped (averaged, recalibrated); `keep_best` is
    called whenever the score is the highest so far. Returns that score. `Cancelled` leaves a
    checkpoint of the step reached.
    """
    run.mkdir(parents=True, exist_ok=True)
    _keep_config(config, run)
    state = _start(config, run, device, initial)
    saved = time.monotonic()
    batches = prefetched(sampler, state.step, config.steps, config.batch_size)
    for images, masks in batches:
        if cancel is not None and cancel.cancelled:
            _save(state, run)
            raise Cancelled(f"cancelled after step {state.step}; call again to go on from there")
        loss, rate = _step(state, config, images, masks, device)
        state.step += 1
        _log(run, state.step, loss, rate)
        record("loss", loss, state.step)
        record("learning rate", rate, state.step)
        progress("training", state.step, config.steps)
        if state.step % config.validate_every == 0 or state.step == config.steps:
            candidate = _candidate(state, config, sampler, device)
            score = validate(candidate)
            record("validation dice", score, state.step)
            if score > state.best:
                state.best = score
                keep_best(candidate, state.step, score)
            _save(state, run)
        elif time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(state, run)
            saved = time.monotonic()
    return state.best


def _step(
    state: TrainingState,
    config: TrainingConfig,
    images: Tensor,
    masks: Tensor,
    device: torch.device,
) -> tuple[float, float]:
    rate = poly(
        config.learning_rate, state.step, config.steps, config.poly_power, config.warmup_steps
    )
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    images, masks = _place(images, device), masks.to(device)
    state.model.train()
    with _precision(config, device):
        logits = state.model(images)
    loss = segmentation_loss(logits, masks, config.focal_weight)
    if not loss.isfinite():
        raise TrainingError(
            f"the loss of step {state.step + 1} is not finite: lower learning_rate "
            f"({config.learning_rate}) or use precision fp32"
        )
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.model.parameters(), 5.0)
    state.optimizer.step()
    if state.average is not None:
        state.average.update_parameters(state.model)  # type: ignore[operator]
    return float(loss.detach()), rate


def _candidate(
    state: TrainingState, config: TrainingConfig, sampler: CropSampler, device: torch.device
) -> nn.Module:
    """The network as it would be shipped now."""
    model = build_model(config.model, config.options).to(device)
    source = state.model if state.average is None else state.average.module
    model.load_state_dict(source.state_dict())  # type: ignore[union-attr]
    if config.recalibration_batches:
        first = config.steps  # batches that no training step has seen

        def batches() -> Any:
            for i in range(config.recalibration_batches):
                yield _place(sampler.batch(first + i, config.batch_size)[0], device)

        recalibrate(model, batches())
    return model.eval()


def _start(
    config: TrainingConfig,
    run: Path,
    device: torch.device,
    initial: Mapping[str, Tensor] | None,
) -> TrainingState:
    model = build_model(config.model, config.options, seed=config.seed)
    if initial is not None:
        model.load_state_dict(initial)
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = average_of(model, config.average_decay) if config.average_decay else None
    state = TrainingState(0, float("-inf"), model, average, _optimizer(config, model))
    if (run / LAST).exists():
        _resume(state, run / LAST, device)
    _trim_log(run, state.step)
    return state


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


def _precision(config: TrainingConfig, device: torch.device) -> torch.autocast:
    enabled = config.precision is Precision.BF16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _place(images: Tensor, device: torch.device) -> Tensor:
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _keep_config(config: TrainingConfig, run: Path) -> None:
    path = run / "config.json"
    text = json.dumps(config_to_json(config), indent=2, sort_keys=True)
    if (run / LAST).exists() and path.exists() and path.read_text() != text:
        raise ConfigError(f"{run} holds a run with another configuration; choose another folder")
    path.write_text(text)


def _save(state: TrainingState, run: Path) -> None:
    partial = run / (LAST + ".partial")
    average = None if state.average is None else state.average.state_dict()
    torch.save(
        {
            "step": state.step,
            "best": state.best,
            "model": state.model.state_dict(),
            "average": average,
            "optimizer": state.optimizer.state_dict(),
        },
        partial,
    )
    partial.replace(run / LAST)


def _resume(state: TrainingState, path: Path, device: torch.device) -> None:
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        state.model.load_state_dict(saved["model"])
        state.optimizer.load_state_dict(saved["optimizer"])
        if state.average is not None:
            state.average.load_state_dict(saved["average"])
        state.step, state.best = saved["step"], saved["best"]
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"cannot resume from {path.name}: {reason}") from error


def _trim_log(run: Path, step: int) -> None:
    """Forget the steps after the checkpoint: they are done, and logged, again."""
    path = run / "log.csv"
    if path.exists():
        path.write_text("".join(path.read_text().splitlines(keepends=True)[: step + 1]))


def _log(run: Path, step: int, loss: float, rate: float) -> None:
    path = run / "log.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "loss", "learning_rate"])
        writer.writerow([step, f"{loss:.6f}", f"{rate:.8f}"])
