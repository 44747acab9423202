"""What is read of the processor, and what is done where it cannot be read."""

import os
import platform

import pytest
from archspec.cpu import detect

from afunet.findings import Severity
from afunet.inference import cpu
from afunet.inference.cpu import Cpu, this_cpu
from afunet.models.cores import forget_unreadable, threads


def of(*flags: str, architecture: str = "x86_64") -> Cpu:
    return Cpu("Laptop", architecture, frozenset(flags), 2)


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        (of("avx2"), False),
        (of("avx2", "avx512f", "avx512_vnni"), False),
        (of("avx2", "avx512_bf16"), True),
        (of("avx2", "amx_tile", "amx_bf16"), True),
        (of("bf16", architecture="arm64"), False),
        (of(), False),
    ],
    ids=["avx2", "avx512", "avx512_bf16", "amx_bf16", "arm64", "unknown"],
)
def test_bfloat16_is_known_by_two_flags(processor: Cpu, expected: bool) -> None:
    assert processor.has_bfloat16 == expected


def test_a_processor_without_avx2_runs_with_one_line_that_it_is_slow() -> None:
    (finding,) = of("sse4_2", "avx").findings()
    assert (finding.code, finding.severity) == ("NO_AVX2", Severity.WARNING)
    assert "Laptop" in finding.message
    assert "\n" not in finding.message


@pytest.mark.parametrize("processor", [of("avx2"), of(), of("neon", architecture="arm64")], ids=str)
def test_nothing_is_said_of_others_or_of_what_cannot_be_read(processor: Cpu) -> None:
    assert processor.findings() == ()


@pytest.mark.skipif(platform.system() != "Linux", reason="reads /proc/cpuinfo")
def test_on_linux_the_flags_are_the_kernel_s() -> None:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        (first, *_) = (line for line in file if line.startswith(("flags", "Features")))
    assert this_cpu().flags >= frozenset(first.split(":")[1].split())  # and names of its own
    assert this_cpu().model


def test_a_processor_that_cannot_be_read_computes_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing() -> None:
        raise OSError("no such system call")

    monkeypatch.setattr(detect, "detected_info", failing)
    cpu._detected.cache_clear()
    try:
        assert this_cpu().flags == frozenset()
        assert not this_cpu().has_bfloat16
        assert this_cpu().findings() == ()
    finally:
        cpu._detected.cache_clear()


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("3", 3), (" 2 ", 2), ("4,2", 4), ("999999", 8), ("0", None), ("many", None), ("2,x", None)],
)
def test_threads_follow_omp_num_threads_as_pytorch_s_do(
    variable: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    found = threads()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert found == (threads() if expected is None else expected)
    assert threads() >= 1


@pytest.mark.parametrize("value", ["abc", "0", "-1", "", "3.5", "2,x", "2,", "9" * 5000])
def test_threads_that_openmp_cannot_read_are_forgotten(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert forget_unreadable() == value
    assert "OMP_NUM_THREADS" not in os.environ
    assert forget_unreadable() is None


@pytest.mark.parametrize("value", ["2", " 2", "4 ", "2,4", "+2"])
def test_threads_that_openmp_can_read_stay(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert forget_unreadable() is None
    assert os.environ["OMP_NUM_THREADS"] == value
