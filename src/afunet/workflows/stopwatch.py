"""Seconds of each stage, the memory that it frees, and the process's peak memory."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

OTHER = "other"


class Stopwatch:
    """Divides the wall-clock seconds since it was made among stages; no second counts twice.

    A stage inside another one interrupts it. Seconds outside all stages belong to `OTHER`. `before`
    are seconds of stages that were timed earlier.
    """

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self._seconds = dict(before or {})
        self._running = [OTHER]
        self._since = time.perf_counter()

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of each stage until now, `OTHER` last; their sum is the whole time."""
        self._book()
        stages = {name: spent for name, spent in self._seconds.items() if name != OTHER}
        return {**stages, OTHER: self._seconds.get(OTHER, 0.0)}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the code inside, and return the memory that it freed to the system."""
        self._book()
        self._running.append(name)
        try:
            yield
        finally:
            return_memory()
            self._book()
            self._running.pop()

    def _book(self) -> None:
        """Add the seconds since the last change to the running stage."""
        now = time.perf_counter()
        running = self._running[-1]
        self._seconds[running] = self._seconds.get(running, 0.0) + now - self._since
        self._since = now


def return_memory() -> None:
    """Return freed memory to the system: glibc keeps blocks of up to 32 MB, by the hundred."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)  # musl has none
        trim(0)


def peak_memory_mb() -> float | None:
    """Return this process's largest resident size so far in MB (10⁶ bytes); None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
