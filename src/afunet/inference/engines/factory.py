"""Make the fastest engine for a network: by rule, or by one short trial that is remembered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from afunet.errors import DeviceError
from afunet.inference.cpu import Cpu, this_cpu
from afunet.inference.device_choice import DeviceChoice
from afunet.inference.engines.engine import Engine, Float32Array
from afunet.inference.engines.runtimes import RUNTIMES
from afunet.inference.engines.trial_cache import (
    Question,
    Seconds,
    keep_answer,
    read_answer,
    writable,
)
from afunet.inference.engines.ways import FLOAT32, Way, ways_to_run
from afunet.inference.runtime_choice import RuntimeChoice
from afunet.models.network_file import NetworkFile

TRIALS = 2


@dataclass(frozen=True)
class Trial:
    """The runtime and number format that were chosen, why, and the seconds per window of each.

    `seconds_per_window` is empty if the rule was enough.
    """

    device: str
    chosen: str
    reason: str
    seconds_per_window: Seconds = field(default_factory=dict)


def best_engine(
    file: NetworkFile,
    device: DeviceChoice = DeviceChoice.AUTO,
    runtime: RuntimeChoice = RuntimeChoice.AUTO,
    cpu: Cpu | None = None,
) -> tuple[Engine, Trial]:
    """Return the fastest engine for a file, on this processor unless another `cpu` is given.

    Without a place to keep the answer of a trial the rule decides alone, because another run could
    choose differently and its mask differ in a few voxels. Raises what `ways_to_run` raises.
    """
    cpu = cpu or this_cpu()
    ways = ways_to_run(file, device, runtime, cpu)
    way, reason, seconds = ways[0], _only(ways[0], cpu), dict[str, float]()
    if len(ways) > 1:
        way, reason, seconds = _by_trial(file, ways, cpu)
    engine = RUNTIMES[way.runtime].open(file, way.device, way.arithmetic)
    return engine, Trial(way.device, str(way), reason, seconds)


def _by_trial(
    file: NetworkFile, ways: tuple[Way, ...], cpu: Cpu
) -> tuple[Way, str, dict[str, float]]:
    """Return the way that a trial chose, now or earlier, and its seconds; else that of the rule."""
    question = Question(ways, cpu, file.sha256, _accelerator(ways[0].device))
    reason = "the fastest in an earlier trial"
    if writable() and read_answer(question) is None:
        reason = "the fastest in a trial"
        keep_answer(question, *fastest(file, ways))
    if (answer := read_answer(question)) is None:
        return ways[0], "the answer of a trial could not be kept", {}
    chosen, seconds = answer
    return next(way for way in ways if str(way) == chosen), reason, dict(seconds)


def _only(way: Way, cpu: Cpu) -> str:
    if way.device == "cpu" and way.arithmetic == FLOAT32 and not cpu.has_bfloat16:
        return "this processor has no bfloat16 (avx512_bf16 or AMX)"
    return "no other way is to be tried"


def fastest(file: NetworkFile, ways: tuple[Way, ...]) -> tuple[str, Seconds]:
    """Try each way on batches of random windows of the training size; return the fastest.

    bfloat16 costs accuracy, so it must be at least a tenth faster than float32. Raises
    `DeviceError` if the network runs in no way.
    """
    header = file.header
    shape = (1, header.input_slices, header.patch_px, header.patch_px)
    window = np.random.default_rng(0).random(shape, dtype=np.float32)
    engines = {str(way): engine for way in ways if (engine := _tried(file, way, window))}
    if not engines:
        raise DeviceError(
            f"the network does not run on {ways[0].device} with {', '.join(map(str, ways))}: try "
            "another --device",
            code="NO_ARITHMETIC",
        )
    seconds = dict.fromkeys(engines, float("inf"))
    for _ in range(TRIALS):  # in turns, so that a busy moment slows all of them
        for name, engine in engines.items():
            seconds[name] = min(seconds[name], _timed(engine, window))
    whole = {name: one for name, one in seconds.items() if name.endswith(FLOAT32)}
    least = min(whole.values(), default=float("inf"))
    quick = {name: one for name, one in seconds.items() if name in whole or one < 0.9 * least}
    return min(quick, key=lambda name: quick[name]), seconds


def _tried(file: NetworkFile, way: Way, window: Float32Array) -> Engine | None:
    """Return an engine, run once to warm up; None if the device lacks the number format."""
    try:
        engine = RUNTIMES[way.runtime].open(file, way.device, way.arithmetic)
        while True:
            try:
                engine.run(np.repeat(window, engine.windows_per_batch, axis=0))
                return engine
            except MemoryError:
                if engine.windows_per_batch == 1:
                    raise
                engine, _ = engine.smaller()
    except (RuntimeError, MemoryError):
        return None


def _timed(engine: Engine, window: Float32Array) -> float:
    """Seconds per window."""
    windows = np.repeat(window, engine.windows_per_batch, axis=0)
    start = time.perf_counter()
    engine.run(windows)
    return (time.perf_counter() - start) / len(windows)


def _accelerator(device: str) -> str:
    """The name of the GPU as NVIDIA's driver gives it through PyTorch; "" on a CPU."""
    if device == "cpu":
        return ""
    import torch

    return str(torch.cuda.get_device_name())
