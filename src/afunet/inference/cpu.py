"""What the processor can compute with, as archspec reads it on Linux, macOS and Windows."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from afunet.findings import Finding, warning
from afunet.models.cores import threads

X86 = ("x86_64", "amd64")
BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True)
class Cpu:
    """Model, architecture, instruction sets, and the threads that a network computes with.

    If the processor cannot be read, `flags` is empty.
    """

    model: str
    architecture: str
    flags: frozenset[str]
    threads: int

    @property
    def is_x86(self) -> bool:
        """Whether it is a 64-bit Intel or AMD processor."""
        return self.architecture.lower() in X86

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies in bfloat16; without that, bfloat16 is ten times slower."""
        return bool(self.flags & BFLOAT16)

    @property
    def lacks_avx2(self) -> bool:
        """Whether it is known to have no AVX2."""
        return self.is_x86 and bool(self.flags) and "avx2" not in self.flags

    def findings(self) -> tuple[Finding, ...]:
        """What the user should know about it."""
        if self.lacks_avx2:
            return (
                warning(
                    "NO_AVX2",
                    f"the processor ({self.model}) has no AVX2: the network runs, but several "
                    "times slower than on one of the last ten years",
                ),
            )
        return ()


def this_cpu() -> Cpu:
    """Return the processor of this machine, and the threads that the process may use now."""
    model, flags = _detected()
    return Cpu(model, platform.machine(), flags, threads())


@cache
def _detected() -> tuple[str, frozenset[str]]:
    from archspec import cpu
    from archspec.cpu.detect import detected_info

    try:
        return cpu.brand_string() or platform.processor(), frozenset(detected_info().features)
    except Exception:  # whatever a foreign system answers, it is not worth a run
        return platform.processor(), frozenset()
