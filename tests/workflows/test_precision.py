"""Which precision a training gets on which processor."""

from dataclasses import replace

import pytest

from afunet.inference.cpu import Cpu
from afunet.training.config import DataConfig, Precision, TrainingConfig
from afunet.workflows.precision import affordable, precision_note

PLAIN = Cpu("Laptop", "x86_64", frozenset({"avx2"}), 2)
HALVES = replace(PLAIN, flags=frozenset({"avx2", "amx_bf16"}))
RECIPE = TrainingConfig(data=(DataConfig("knee"),), precision=Precision.BF16)


@pytest.mark.parametrize(
    ("precision", "device", "cpu", "expected"),
    [
        (Precision.BF16, "cpu", PLAIN, Precision.FP32),
        (Precision.BF16, "cpu", HALVES, Precision.BF16),
        (Precision.BF16, "cuda", PLAIN, Precision.BF16),
        (Precision.FP16, "cpu", PLAIN, Precision.FP16),
        (Precision.FP32, "cpu", PLAIN, Precision.FP32),
    ],
)
def test_bfloat16_is_for_devices_that_have_it(
    precision: Precision, device: str, cpu: Cpu, expected: Precision
) -> None:
    recipe = replace(RECIPE, precision=precision)
    found = affordable(recipe, device, cpu)
    assert found == replace(recipe, precision=expected)
    assert bool(precision_note(recipe, device, cpu)) == (expected is not precision)


def test_the_note_is_one_line() -> None:
    assert "avx512_bf16" in precision_note(RECIPE, "cpu", PLAIN)
    assert "\n" not in precision_note(RECIPE, "cpu", PLAIN)
