"""A batch under blows, on this host and on two nodes of Ray."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from afunet.batch.run import JOBS
from afunet.jobs.folder_look import END, read
from benchmarks.chaos_parts.ray_nodes import Nodes, ray_nodes
from benchmarks.chaos_parts.system import Ended, How, System, below, kill

RESULT = "instances.nii.gz"
FULL_S = (30.0, 120.0)
DISK_BYTES = 24 << 20
BACK_S = (3_600, 86_400)
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
TOKEN = "0123456789abcdef" * 3

Strike = Callable[["Batch", Random], None]


@dataclass(eq=False)
class Batch:
    """The command `afunet batch`, running."""

    scans: Path
    output: Path
    blow: Strike
    options: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    nodes: Nodes | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.process = self._started()

    def strike(self, chance: Random) -> None:
        """Do to the running programs what the row of the table says."""
        self.blow(self, chance)

    def mend(self) -> None:
        """Start the driver again unless it runs or all is done."""
        if self.process.poll() not in (None, 0, 1):
            self.process = self._started()

    def ended(self) -> Mapping[str, Ended]:
        """Return the cases whose end is noted."""
        found = {}
        for path in self.output.glob(f"{JOBS}/jobs/*/*{END}"):
            if note := read(path):
                how = How.DONE if note["state"] == "done" else How.FAILED
                found[path.parent.name] = Ended(how, repr(note), self._digest(path.parent.name))
        return found

    def finish(self) -> None:
        """Let the driver end; if it left or gave up anything, run it once more."""
        self.process.wait()
        if self.process.returncode:
            self.process = self._started("--retry-failed")
            self.process.wait()

    def end(self) -> None:
        """Kill whatever runs."""
        kill(self.process.pid)
        self.process.wait()

    def _digest(self, case: str) -> str:
        try:
            return hashlib.sha256((self.output / case / RESULT).read_bytes()).hexdigest()
        except OSError:
            return ""

    def _started(self, *more: str) -> subprocess.Popen[bytes]:
        words = ["batch", str(self.scans), "-o", str(self.output), "--fast", "--quiet"]
        return subprocess.Popen(
            [sys.executable, "-m", "afunet", *words, *self.options, *more],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def kill_driver(batch: Batch, chance: Random) -> None:
    """Kill the command itself."""
    kill(batch.process.pid)
    batch.process.wait()


def kill_worker(batch: Batch, chance: Random) -> None:
    """Kill the process that works at a case, on this host or on any node."""
    above = [batch.process.pid] if batch.nodes is None else _actors(batch)
    workers = [one for process in above for one in below(process)]
    if workers:
        kill(chance.choice(workers))


def kill_ray_worker(batch: Batch, chance: Random) -> None:
    """Kill an actor, which holds the claim of a case."""
    if actors := _actors(batch):
        kill(chance.choice(actors))


def kill_ray_node(batch: Batch, chance: Random) -> None:
    """Kill a node with all that runs on it; another one joins."""
    assert batch.nodes is not None
    batch.nodes.kill_node(-1)


def fill_disk(batch: Batch, chance: Random) -> None:
    """Leave no space where the results go, for a while."""
    filler = batch.output.parent / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 14))
    except OSError:
        time.sleep(chance.uniform(*FULL_S))
    filler.unlink(missing_ok=True)


def set_clock_back(batch: Batch, chance: Random) -> None:
    """Set the clock of driver and workers back, and kill a worker: another must take its case."""
    said = Path(batch.environment["FAKETIME_TIMESTAMP_FILE"])
    before = float(said.read_text())
    said.write_text(f"{before - chance.choice(BACK_S):+.0f}")
    kill_worker(batch, chance)


@contextmanager
def host_batch(scans: Path, folder: Path, blow: Strike) -> Iterator[System]:
    """A batch of one worker on this host."""
    yield from _until_end(Batch(scans, folder / "out", blow, ["--workers", "1"]))


@contextmanager
def small_disk_batch(scans: Path, folder: Path, blow: Strike) -> Iterator[System]:
    """The same, with its results on a disk of a few megabytes."""
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], check=True)
    try:
        yield from _until_end(Batch(scans, disk / "out", blow, ["--workers", "1"]))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@contextmanager
def timed_batch(scans: Path, folder: Path, blow: Strike) -> Iterator[System]:
    """The same, with a clock of its own, by libfaketime."""
    if not FAKETIME.is_file():
        sys.exit(f"no {FAKETIME}: install the package faketime")
    said = folder / "clock"
    said.write_text("+0")
    clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(said)}
    environment = {**os.environ, **clock, "FAKETIME_NO_CACHE": "1"}
    yield from _until_end(Batch(scans, folder / "out", blow, ["--workers", "1"], environment))


@contextmanager
def cluster_batch(scans: Path, folder: Path, blow: Strike) -> Iterator[System]:
    """A batch on two nodes of Ray on this machine, one worker on each."""
    with ray_nodes(2, TOKEN) as nodes:
        options = ["--cluster", nodes.address]
        environment = nodes.environment
        yield from _until_end(Batch(scans, folder / "out", blow, options, environment, nodes))


def _until_end(batch: Batch) -> Iterator[System]:
    try:
        yield batch
    finally:
        batch.end()


def _actors(batch: Batch) -> list[int]:
    assert batch.nodes is not None
    return [process.pid for process in batch.nodes.workers()]
