"""The training loop.

A run is a folder with `config.json`, `last.pt` (everything needed to continue: torch's container,
read with `weights_only=True`, so that it cannot run code), `best.safetensors` (for inference),
`log.csv`, `validation.csv` and TensorBoard's events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from afunet.errors import Cancelled, ConfigError, TrainingError
from afunet.training.averaging import recalibrate
from afunet.training.config import Precision, TrainingConfig, config_text, is_text_of
from afunet.training.determinism import determinism
from afunet.training.distributed import ALONE, World
from afunet.training.recording import CsvLog, NoRecorder, Recorder
from afunet.training.schedule import poly
from afunet.training.state import LAST, TrainingState, save, start
from afunet.training.task import Task
from afunet.watch import UNWATCHED, Watch

Validate = Callable[[nn.Module, int], float]

CONFIG = "config.json"
CHECKPOINT_SECONDS = 120.0
DTYPES = {
    Precision.FP32: torch.float32,
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
}


def train(
    config: TrainingConfig,
    task: Task,
    run: Path,
    *,
    validate: Validate,
    keep_best: Callable[[nn.Module, int, float], None],
    device: torch.device,
    world: World = ALONE,
    initial: Mapping[str, Tensor] | None = None,
    precision: Precision | None = None,
    record: Recorder | None = None,
    watch: Watch = UNWATCHED,
) -> float:
    """Train to the configured number of steps, continuing from `run/last.pt` if it exists.

    `validate` scores the network that would be shipped (averaged, recalibrated). `keep_best` is
    called whenever the score is the highest so far. `precision` replaces that of the configuration
    on a machine that lacks it. Returns the highest score. When `Cancelled` is
    raised, the step reached is in `last.pt`. Of several processes, only the leading one validates,
    records and writes.
    """
    record, log = record or NoRecorder(), CsvLog(run)
    steps, epoch_steps = config.steps_for(task.examples), config.epoch_steps(task.examples)
    if config.batch_size % (world.size * config.accumulate):
        raise ConfigError(
            f"batch_size {config.batch_size} must be a multiple of the {world.size} processes "
            f"times accumulate {config.accumulate}",
            code="BATCH_UNEVEN",
        )
    if world.leads:
        run.mkdir(parents=True, exist_ok=True)
        _keep_config(config, run)
    with determinism(config.deterministic):
        model = task.network(device)
        if initial is not None:
            model.load_state_dict(initial)
        state = start(config, model, run, device, precision)
        world.wait()
        if world.leads:
            log.forget_after(state.step)
        network = world.wrapped(state.model)
        saved = time.monotonic()
        while state.step < steps:
            if world.any(watch.cancel.cancelled, device):
                if world.leads:
                    save(state, run)
                raise Cancelled(
                    f"cancelled after step {state.step}; run it again to continue from there",
                )
            batch = task.batches.batch(state.step, config.batch_size, world.part)
            rate = _rate(config, state.step, steps, epoch_steps)
            loss = optimizer_step(state, network, config, task, batch, rate, device, world)
            if not world.leads:
                continue
            log.step(state.step, loss, rate)
            record.scalar("loss", loss, state.step)
            record.scalar("learning rate", rate, state.step)
            watch.tell("training", state.step, steps)
            if state.step % config.validate_every == 0 or state.step == steps:
                candidate = _candidate(state, config, task, steps, device)
                score = validate(candidate, state.step)
                log.validation(state.step, score)
                record.scalar("validation dice", score, state.step)
                if score > state.best:
                    state.best = score
                    keep_best(candidate, state.step, score)
                save(state, run)
            elif time.monotonic() - saved > CHECKPOINT_SECONDS:
                save(state, run)
                saved = time.monotonic()
    world.wait()
    return state.best


def _rate(config: TrainingConfig, step: int, steps: int, epoch_steps: int) -> float:
    done = step // epoch_steps * epoch_steps
    return poly(config.learning_rate, done, steps, config.poly_power, config.warmup_steps)


def optimizer_step(
    state: TrainingState,
    network: nn.Module,
    config: TrainingConfig,
    task: Task,
    batch: tuple[Tensor, Tensor],
    rate: float,
    device: torch.device,
    world: World,
) -> float:
    """Make one optimizer step; returns the loss over the global batch."""
    torch.manual_seed(config.seed + 1_000_003 * (state.step + 1))  # what dropout draws from
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.model.train()
    state.optimizer.zero_grad(set_to_none=True)
    inputs, targets = (part.chunk(config.accumulate) for part in batch)
    mean_loss = torch.zeros((), device=device)
    for number, (shown, asked) in enumerate(zip(inputs, targets, strict=True), 1):
        last = number == config.accumulate
        with nullcontext() if last or world.size == 1 else network.no_sync():  # type: ignore[operator]
            with _autocast(state.precision, device):
                output = network(task.place(shown, device))
            loss = task.loss(output, asked.to(device), world.total) / config.accumulate
            state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        mean_loss += loss.detach()
    mean_loss = world.total(mean_loss) / world.size
    if not mean_loss.isfinite():
        raise TrainingError(
            f"the loss of step {state.step + 1} is not finite: lower learning_rate (now "
            f"{config.learning_rate}) or use precision fp32",
            code="LOSS_NOT_FINITE",
        )
    state.scaler.unscale_(state.optimizer)
    if config.gradient_norm:
        nn.utils.clip_grad_norm_(state.model.parameters(), config.gradient_norm)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    if state.average is not None:
        state.average.update_parameters(state.model)  # type: ignore[operator]
    state.step += 1
    return float(mean_loss)


def _candidate(
    state: TrainingState,
    config: TrainingConfig,
    task: Task,
    steps: int,
    device: torch.device,
) -> nn.Module:
    """The network that would be shipped after this step: averaged, recalibrated."""
    model = task.build().to(device)
    source = state.model if state.average is None else state.average.module
    model.load_state_dict(source.state_dict())  # type: ignore[union-attr]

    def unseen() -> Iterator[Tensor]:  # batches that no training step has seen
        for step in range(steps, steps + config.recalibration_batches):
            yield task.place(task.batches.batch(step, config.batch_size)[0], device)

    if config.recalibration_batches:
        recalibrate(model, unseen())
    return model.eval()


def _autocast(precision: Precision, device: torch.device) -> torch.autocast:
    enabled = precision is not Precision.FP32
    return torch.autocast(device.type, DTYPES[precision], enabled=enabled)


def _keep_config(config: TrainingConfig, run: Path) -> None:
    path = run / CONFIG
    if (run / LAST).exists() and path.exists() and not is_text_of(path.read_text(), config):
        raise ConfigError(
            f"{run} contains a run with another configuration: choose another folder",
            code="RUN_DIFFERS",
        )
    path.write_text(config_text(config))
