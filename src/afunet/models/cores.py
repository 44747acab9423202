"""How many threads a network may compute with."""

from __future__ import annotations

import os


def threads() -> int:
    """The first number of OMP_NUM_THREADS, as PyTorch reads it, or the cores open to the process.

    A value that is no positive whole number counts as none. There are no more threads than cores
    of the machine: hundreds of threads on a few cores would take minutes for a slice.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
