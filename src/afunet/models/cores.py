"""How many threads a network may compute with."""

from __future__ import annotations

import os

VARIABLE = "OMP_NUM_THREADS"
LONGEST = 9  # digits


def threads() -> int:
    """The first number of OMP_NUM_THREADS, as PyTorch reads it, or the cores open to the process.

    A value that OpenMP cannot read counts as none. There are no more threads than cores of the
    machine: hundreds of threads on a few cores would take minutes for a slice.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is not None and _readable(wanted):
        return min(int(wanted.split(",")[0]), os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def forget_unreadable() -> str | None:
    """Remove an OMP_NUM_THREADS that OpenMP cannot read, and return it; None if there is none.

    The OpenMP of GCC would say so on the error stream, in words of its own, when a library that
    uses it is imported.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None or _readable(wanted):
        return None
    return os.environ.pop(VARIABLE)


def _readable(text: str) -> bool:
    """Whether it is a list of positive whole numbers (OpenMP 5.2, section 21.1.2)."""
    numbers = [one.strip().removeprefix("+") for one in text.split(",")]
    return all(
        one.isascii() and one.isdecimal() and len(one) <= LONGEST and int(one) > 0
        for one in numbers
    )
