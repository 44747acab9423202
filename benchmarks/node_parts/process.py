"""A node as the command starts it, and what its processes use."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROLES = ("receiver", "worker", "sender")
WAIT_S = 3600.0


@dataclass(frozen=True)
class Use:
    """The memory, the open files and the CPU time of a process with its children."""

    mb: float
    handles: int
    cpu_s: float


@dataclass(frozen=True)
class RunningNode:
    """The number of its main process, and its data folder."""

    pid: int
    data: Path

    def measured(self, role: str) -> Use:
        """Measure the process of a role, which must run."""
        (part,) = (one for one in psutil.Process(self.pid).children() if role in one.cmdline())
        uses = []
        for one in (part, *part.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                uses.append(
                    Use(one.memory_info().rss / 1e6, one.num_fds(), times.user + times.system)
                )
        return Use(
            sum(one.mb for one in uses),
            sum(one.handles for one in uses),
            sum(one.cpu_s for one in uses),
        )


@contextmanager
def running_node(config: Path) -> Iterator[RunningNode]:
    """Yield `afunet node` with this file; its log lies beside the file."""
    with config.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "afunet", "node", "--config", str(config)],
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    try:
        text = config.with_suffix(".log")
        until(lambda: process.poll() is not None or _is_ready(text.read_text()))
        if process.poll() is not None:
            sys.exit(text.read_text())
        yield RunningNode(process.pid, config.parent / "data")
    finally:
        process.terminate()
        process.wait(60)


def _is_ready(log: str) -> bool:
    return all(f'"event": "{event}"' in log for event in ("listening", "working", "sending"))


def until(what: Callable[[], bool]) -> None:
    """Wait for something; ends the program after an hour."""
    end = time.monotonic() + WAIT_S
    while not what():
        if time.monotonic() > end:
            sys.exit("waited for an hour")
        time.sleep(0.2)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])
