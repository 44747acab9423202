"""Training computes in float32 on a processor that has no bfloat16, where that is ten times faster.

Measured with `experiments/base.toml` on a processor with AVX2 alone: a step in bfloat16 took 11.5
times as long.
"""

from __future__ import annotations

from dataclasses import replace

from afunet.inference.cpu import Cpu
from afunet.training.config import Precision, TrainingConfig


def affordable(config: TrainingConfig, device: str, cpu: Cpu) -> TrainingConfig:
    """Return the recipe for a device, "cpu" or "cuda"; float32 instead of a slow bfloat16."""
    if device != "cpu" or cpu.has_bfloat16 or config.precision is not Precision.BF16:
        return config
    return replace(config, precision=Precision.FP32)


def precision_note(config: TrainingConfig, device: str, cpu: Cpu) -> str:
    """One line if `affordable` changes the recipe, else ""."""
    if affordable(config, device, cpu) == config:
        return ""
    return (
        "the recipe asks for bfloat16, but this processor has neither avx512_bf16 nor AMX: "
        "training computes in float32"
    )
