"""A batch of a million scans on a thousand workers, simulated from measured costs of its jobs.

`python -m benchmarks.scale --scans 1000000 --workers 100 1000 --rates 1000 5000 20000`

First it counts what a case costs the shared file system, and how long that takes here. Then
workers claim, segment and finish in simulated time, while a file server that does so many
operations a second serves them one by one.
"""

from __future__ import annotations

import heapq
import io
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.batch.run import LEASE_S, RENEW_S
from afunet.jobs.folder_ledger import FolderLedger
from benchmarks.bench import parser_of, print_heading, print_row

RESULT_FILES = 12
"""Files of a case's results, each created, written and renamed."""
OPERATIONS_OF_FILE = 3
COUNTED = ("open", "stat", "lstat", "scandir", "listdir", "mkdir", "replace", "unlink", "utime")
SPREAD = 0.5
"""The standard deviation of the logarithm of a scan's time."""


@dataclass(frozen=True)
class Costs:
    """File operations of a case: to queue it, to claim and finish it, to renew its lease once."""

    queue: float
    work: float
    renew: float


@dataclass(frozen=True)
class Cluster:
    """What is simulated: scans, workers, operations a second, seconds of a scan and of a life."""

    scans: int
    workers: int
    rate: float
    scan_s: float
    life_s: float


@dataclass(frozen=True)
class Night:
    """How a simulated batch went: hours in all, hours after 99 %, shares of time, cases redone."""

    hours: float
    last_percent_hours: float
    busy: float
    server: float
    redone: int


def main(argv: list[str] | None = None) -> None:
    """Print the costs of a case, and how long the batch takes for each cluster."""
    parser = parser_of(__doc__)
    parser.add_argument("--scans", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--rates", type=float, nargs="+", default=[1000.0, 5000.0, 20000.0])
    parser.add_argument("--scan-s", type=float, default=40.0, help="seconds of a scan")
    parser.add_argument("--life-h", type=float, default=24.0, help="hours before a worker dies")
    parser.add_argument("--measured", type=int, default=500, help="cases that are measured here")
    given = parser.parse_args(argv)
    costs = _measured(given.measured)
    print()
    print_heading(
        "workers", "operations a s:", "hours:", "last 1 %, h:", "at work:", "server:", "redone:"
    )
    for workers in given.workers:
        for rate in given.rates:
            life_s = given.life_h * 3600
            cluster = Cluster(given.scans, workers, rate, given.scan_s, life_s)
            night = night_of(cluster, costs, random.Random(0))
            print_row(
                workers,
                f"{rate:.0f}",
                f"{night.hours:.2f}",
                f"{night.last_percent_hours:.2f}",
                f"{night.busy:.3f}",
                f"{night.server:.3f}",
                night.redone,
            )


def night_of(cluster: Cluster, costs: Costs, chance: random.Random) -> Night:
    """Run a batch in simulated time; the file server does one operation after the other."""
    ready = [(0.0, number) for number in range(min(cluster.workers, cluster.scans))]
    late: list[float] = []  # when cases of dead workers may be claimed again
    left, done, free_at, served, worked, redone = cluster.scans, 0, 0.0, 0.0, 0.0, 0
    most, last_percent, end = cluster.scans, 0.0, 0.0
    while ready:
        now, worker = heapq.heappop(ready)
        if left:
            left -= 1
        elif late:
            now = max(now, heapq.heappop(late))
        else:
            continue
        scan_s = cluster.scan_s * chance.lognormvariate(-(SPREAD**2) / 2, SPREAD)
        operations = costs.work + costs.renew * scan_s / RENEW_S + _written()
        free_at = max(free_at, now) + operations / cluster.rate
        served += operations / cluster.rate
        dies = chance.expovariate(1 / cluster.life_s) < scan_s
        finished = max(free_at, now + scan_s) + (LEASE_S if dies else 0.0)
        worked += scan_s
        if dies:
            redone += 1
            heapq.heappush(late, finished)
        else:
            done += 1
            end = max(end, finished)
            last_percent = finished if done == int(0.99 * most) else last_percent
        heapq.heappush(ready, (finished, worker))
    return Night(
        end / 3600,
        (end - last_percent) / 3600,
        worked / (end * cluster.workers),
        served / end,
        redone,
    )


def _written() -> float:
    return RESULT_FILES * OPERATIONS_OF_FILE


def _measured(cases: int) -> Costs:
    """Queue, claim and finish cases in a folder here; print operations and milliseconds of each."""
    with tempfile.TemporaryDirectory(prefix="afunet-scale-") as folder:
        ledger = FolderLedger(Path(folder))
        print_heading("step", "operations:", "ms:")

        def queue() -> None:
            for number in range(cases):
                ledger.add(
                    "batch", f"case-{number:07d}", "segment", {"scan": "s"}, f"{number:024d}"
                )

        leases: list[str] = []

        def claim() -> None:
            while (claimed := ledger.claim(LEASE_S)) is not None:
                leases.append(claimed[1])

        def renew() -> None:
            for lease in leases:
                ledger.renew(lease, LEASE_S)

        def finish() -> None:
            for lease in leases:
                ledger.finish(lease, {"seconds": 1.0})

        steps: dict[str, Callable[[], None]] = {
            "queue": queue,
            "claim": claim,
            "renew": renew,
            "finish": finish,
        }
        counted = {name: _step(name, step, cases) for name, step in steps.items()}
    return Costs(counted["queue"], counted["claim"] + counted["finish"], counted["renew"])


def _step(name: str, step: Callable[[], None], cases: int) -> float:
    began = time.perf_counter()
    with _counting() as count:
        step()
    each = count[0] / cases
    print_row(name, f"{each:.1f}", f"{1000 * (time.perf_counter() - began) / cases:.2f}")
    return each


@contextmanager
def _counting() -> Iterator[list[int]]:
    """Count the file operations of this process."""
    count = [0]
    plain = {(os, name): getattr(os, name) for name in COUNTED} | {(io, "open"): io.open}

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            count[0] += 1
            return function(*arguments, **options)

        return called

    for (module, name), function in plain.items():
        setattr(module, name, counted(function))
    try:
        yield count
    finally:
        for (module, name), function in plain.items():
            setattr(module, name, function)


if __name__ == "__main__":
    main()
