"""How many scans a host can work at together, and how much memory each may take."""

from __future__ import annotations

from collections.abc import Sequence
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
class Room:
    """The cores and the free memory of a node of a cluster."""

    cores: int
    bytes: int


@dataclass(frozen=True)
class WorkerPlan:
    """The workers of a host or a cluster, and the threads and the bytes that each may take."""

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


def plan_cluster(rooms: Sequence[Room], wanted: int | None = None) -> WorkerPlan:
    """Plan as many workers as the nodes have room for, or the `wanted` number on all of them.

    Each worker fits into any of the nodes that count: those with a core and `USUAL_BYTES`. Raises
    `ConfigError` if there is no such node, or for a number below 1 or above that of their cores.
    """
    usable = [room for room in rooms if room.cores >= 1 and room.bytes >= USUAL_BYTES]
    cores = sum(room.cores for room in usable)
    if not usable or (wanted is not None and not 1 <= wanted <= cores):
        raise ConfigError(
            f"the cluster has {cores} cores on {len(usable)} nodes with {USUAL_BYTES / GIB:.0f} GB "
            f"for a worker, --workers is {wanted or 'not given'}: expected 1 to {cores}",
            code="WORKERS_IMPOSSIBLE",
        )
    each = [min(room.cores, room.bytes // USUAL_BYTES) for room in usable]
    if wanted is not None:
        each = [-(-wanted // len(usable))] * len(usable)
    shares = list(zip(usable, each, strict=True))
    return WorkerPlan(
        wanted or sum(each),
        max(1, min(room.cores // count for room, count in shares)),
        max(GIB, min(room.bytes // count for room, count in shares)),
    )


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
