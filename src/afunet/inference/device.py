"""Which device and arithmetic this machine runs a network best with, found by a short trial."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch
from torch import nn

from afunet.errors import DeviceError
from afunet.inference.device_choice import DeviceChoice as DeviceChoice
from afunet.inference.fusion import folded
from afunet.inference.predictor import Engine

TRIALS = 3


@dataclass(frozen=True)
class Trial:
    """Measured seconds per window for each arithmetic, and the one chosen."""

    device: str
    chosen: str
    seconds_per_window: dict[str, float]


def pick_device(choice: DeviceChoice) -> torch.device:
    """The device asked for; `DeviceError` where CUDA is asked for and there is none."""
    available = torch.cuda.is_available()
    if choice is DeviceChoice.CUDA and not available:
        raise DeviceError(
            "no CUDA device here: use --device cpu, or auto to take what there is", code="NO_CUDA"
        )
    use_cuda = available and choice is not DeviceChoice.CPU
    return torch.device("cuda" if use_cuda else "cpu")


def best_engine(
    network: nn.Module, device: torch.device, patch_px: int, input_slices: int = 1
) -> tuple[Engine, Trial]:
    """Try each arithmetic on one batch of random windows and keep the fastest.

    bfloat16 is only kept if it is at least a tenth faster than float32: it costs accuracy.
    """
    windows_per_batch = 16 if device.type == "cuda" else 2
    windows = torch.rand(windows_per_batch, input_slices, patch_px, patch_px)
    engines: dict[str, Engine] = {}
    for dtype in (torch.float32, torch.bfloat16):
        try:
            engine = _fitting(_engine(network, device, dtype, windows_per_batch), windows)
        except (RuntimeError, NotImplementedError):
            continue  # an arithmetic that this device lacks
        engines[str(dtype).removeprefix("torch.")] = engine
    if not engines:
        raise DeviceError(
            f"the network does not run on {device.type} in any arithmetic", code="NO_ARITHMETIC"
        )
    seconds = dict.fromkeys(engines, float("inf"))
    for _ in range(TRIALS):  # in turns, so that a busy moment hits all alike
        for name, engine in engines.items():
            batch = windows[: engine.windows_per_batch]
            seconds[name] = min(seconds[name], _timed(engine, batch) / len(batch))
    fast = min(seconds, key=lambda name: seconds[name])
    chosen = fast if seconds[fast] < 0.9 * seconds.get("float32", float("inf")) else "float32"
    return engines[chosen], Trial(device.type, chosen, seconds)


def _engine(network: nn.Module, device: torch.device, dtype: torch.dtype, batch: int) -> Engine:
    placed = folded(network).to(device, dtype)
    placed = placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Engine(placed, device, dtype, batch)


def _fitting(engine: Engine, windows: torch.Tensor) -> Engine:
    """The engine, run once to warm up, with the largest batch that the memory holds."""
    while True:
        try:
            engine.run(windows[: engine.windows_per_batch])
            return engine
        except torch.OutOfMemoryError:
            if engine.windows_per_batch == 1:
                raise
            engine = replace(engine, windows_per_batch=engine.windows_per_batch // 2)


def _timed(engine: Engine, windows: torch.Tensor) -> float:
    start = time.perf_counter()
    engine.run(windows)  # copies its result to the CPU, so the device has finished
    return time.perf_counter() - start
