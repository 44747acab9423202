"""How many scans a host can work at together, and how much memory each may take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from afunet.errors import ConfigError
from afunet.models.cores import threads

GIB = 1 << 30
USUAL_BYTES = 2 * GIB
"""What a scan of 512 × 512 × 300 voxels takes."""
KEPT_SHARE = 0.1
CGROUP = Path("/sys/fs/cgroup")
MOST_WORKERS = 256


@dataclass(frozen=True)
class WorkerPlan:
    """The workers of a host, and the threads and the bytes that each may take."""

    workers: int
    threads: int
    bytes: int

    @property
    def words(self) -> str:
        """The plan in a line."""
        each = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        scans = "one scan" if self.workers == 1 else f"{self.workers} scans"
        return f"{scans} at a time, {each} and at most {self.bytes / GIB:.1f} GB for each"


def plan_workers(wanted: int | None = None) -> WorkerPlan:
    """Plan as many workers as cores and free memory allow, or the `wanted` number.

    Raises `ConfigError` for a number below 1 or above `MOST_WORKERS`.
    """
    if wanted is not None and not 1 <= wanted <= MOST_WORKERS:
        raise ConfigError(
            f"--workers is {wanted}, expected 1 to {MOST_WORKERS}", code="WORKERS_IMPOSSIBLE"
        )
    cores, free = threads(), int(free_bytes() * (1 - KEPT_SHARE))
    workers = wanted or max(1, min(cores, free // USUAL_BYTES))
    return WorkerPlan(workers, max(1, cores // workers), max(free // workers, GIB))


def free_bytes() -> int:
    """Return the memory that is free, also within the limits of a container."""
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):
        limit, used = (
            int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current")
        )
        free = min(free, limit - used)
    return free


def bound_memory(most: int) -> None:
    """Let this process take no more than so many bytes, where the system can refuse them.

    A scan that is too large is then refused (`OUT_OF_MEMORY`), and no other process is ended.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1])
        )
