"""A cluster of Ray on this machine, for tests and for `benchmarks.chaos`: nodes that can be killed.

`python -m benchmarks.chaos_parts.ray_nodes 2` starts so many nodes of one core, prints the address,
and ends with its standard input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
HEAD: dict[str, Any] = {"include_dashboard": False, "include_log_monitor": False}
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_worker_niceness": "0",
    "RAY_AUTH_MODE": "token",
}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Nodes:
    """A running cluster: its address, its token, and the process that started it."""

    address: str
    token: str
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """What a driver needs."""
        return environment_of(self.token)

    def raylets(self) -> list[psutil.Process]:
        """The nodes' own processes, the head's first."""
        return _named(self.process.pid, "raylet")

    def workers(self) -> list[psutil.Process]:
        """The processes of actors."""
        return _named(self.process.pid, "ray::ClusterWorker")

    def kill_node(self, number: int) -> None:
        """Kill a node with all that runs on it, and start another in its place."""
        raylet = self.raylets()[number]
        for process in (raylet, *raylet.children(recursive=True)):
            _kill(process)
        self._ask("add")

    def _ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def environment_of(token: str) -> dict[str, str]:
    """The variables of a process of a cluster, also where a test changed this process's path."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, **ENVIRONMENT, "RAY_AUTH_TOKEN": token, "PYTHONPATH": path}


@contextmanager
def ray_nodes(count: int, token: str) -> Iterator[Nodes]:
    """Start a cluster of so many nodes on this machine; its processes end with the context."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.chaos_parts.ray_nodes", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment_of(token),
    ) as process:
        assert process.stdout is not None
        yield Nodes(process.stdout.readline().strip(), token, process)
        for child in psutil.Process(process.pid).children(recursive=True):
            _kill(child)
        process.kill()


def main(argv: list[str] | None = None) -> None:
    """Start the nodes, print their address, and add one for each line of the standard input."""
    count = int((argv or sys.argv[1:])[0])
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Ray prints is no answer
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, **HEAD})
    for _ in range(count - 1):
        cluster.add_node(wait=False, **NODE)
    cluster.wait_for_nodes(timeout=120)
    print(cluster.address, file=out, flush=True)
    for _ in sys.stdin:
        cluster.add_node(wait=False, **NODE)
        print("added", file=out, flush=True)


def _named(above: int, name: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(above).children(recursive=True):
        try:
            words = process.cmdline()
            if words and words[0].rpartition("/")[2].startswith(name):
                found.append(process)
        except psutil.NoSuchProcess:
            pass
    return sorted(found, key=lambda process: process.create_time())


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


if __name__ == "__main__":
    main()
