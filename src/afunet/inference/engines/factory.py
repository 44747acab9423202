"""Make engines for a device, in a number format that is given or found by a trial."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from afunet.errors import ConfigError, DeviceError
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.engine import Engine, Float32Array
from afunet.inference.engines.torch_engine import TorchEngine
from afunet.models.checkpoint import Checkpoint
from afunet.models.fusion import folded

WINDOWS_PER_BATCH = {"cpu": 2, "cuda": 16}
TRIALS = 3


@dataclass(frozen=True)
class Trial:
    """Measured seconds per window for each number format, and the format chosen."""

    device: str
    chosen: str
    seconds_per_window: dict[str, float]


def pick_device(choice: DeviceChoice) -> torch.device:
    """Return the chosen device, given as a `DeviceChoice` or its value.

    Raises `ConfigError` for another value, `DeviceError` if CUDA is chosen but not available.
    """
    if choice not in tuple(DeviceChoice):
        raise ConfigError(f"unknown device {choice!r}: choose from {', '.join(DeviceChoice)}")
    available = torch.cuda.is_available()
    if choice == DeviceChoice.CUDA and not available:
        raise DeviceError("no CUDA device found: use --device cpu or --device auto", code="NO_CUDA")
    use_cuda = available and choice != DeviceChoice.CPU
    return torch.device("cuda" if use_cuda else "cpu")


def build_engine(
    network: nn.Module,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    *,
    channels: int = 1,
    classes: int = 1,
) -> TorchEngine:
    """Return an engine with a copy of the network prepared for inference."""
    placed = folded(network).to(device, dtype)
    placed = placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchEngine(
        placed, device, dtype, WINDOWS_PER_BATCH[device.type], channels=channels, classes=classes
    )


def best_engine(
    checkpoint: Checkpoint, choice: DeviceChoice = DeviceChoice.AUTO
) -> tuple[Engine, Trial]:
    """Return the fastest engine for a checkpoint, tried on windows of its training size."""
    header = checkpoint.header
    return fastest(
        checkpoint.network(),
        pick_device(choice),
        header.patch_px,
        header.input_slices,
        len(header.classes),
    )


def fastest(
    network: nn.Module, device: torch.device, patch_px: int, channels: int = 1, classes: int = 1
) -> tuple[TorchEngine, Trial]:
    """Try each number format on one batch of random windows and keep the fastest.

    bfloat16 costs accuracy, so it is kept only if it is at least a tenth faster than float32.
    Raises `DeviceError` if the network runs in none of them.
    """
    shape = (WINDOWS_PER_BATCH[device.type], channels, patch_px, patch_px)
    windows = np.random.default_rng(0).random(shape, dtype=np.float32)
    engines: dict[str, TorchEngine] = {}
    for dtype in (torch.float32, torch.bfloat16):
        try:
            made = build_engine(network, device, dtype, channels=channels, classes=classes)
            engine = _fitting(made, windows)
        except (RuntimeError, MemoryError):
            continue  # the device lacks this number format
        engines[engine.arithmetic] = engine
    if not engines:
        raise DeviceError(
            f"the network runs on {device.type} neither in float32 nor in bfloat16: try another "
            "--device",
            code="NO_ARITHMETIC",
        )
    seconds = dict.fromkeys(engines, float("inf"))
    for _ in range(TRIALS):  # in turns, so that a busy moment slows all of them
        for name, engine in engines.items():
            batch = windows[: engine.windows_per_batch]
            seconds[name] = min(seconds[name], _timed(engine, batch) / len(batch))
    fast = min(seconds, key=lambda name: seconds[name])
    chosen = fast if seconds[fast] < 0.9 * seconds.get("float32", float("inf")) else "float32"
    return engines[chosen], Trial(device.type, chosen, seconds)


def _fitting(engine: TorchEngine, windows: Float32Array) -> TorchEngine:
    """Return the engine with the largest batch that fits in memory, run once to warm up."""
    while True:
        try:
            engine.run(windows[: engine.windows_per_batch])
            return engine
        except MemoryError:
            if engine.windows_per_batch == 1:
                raise
            engine = replace(engine, windows_per_batch=engine.windows_per_batch // 2)


def _timed(engine: Engine, windows: Float32Array) -> float:
    start = time.perf_counter()
    engine.run(windows)
    return time.perf_counter() - start
