"""A batch of small simulated scans, some of them broken, killed at random moments.

`python -m benchmarks.many_scans --scans 200 --broken 10 --kills 20`
"""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from afunet.batch.run import JOBS, OWNER
from afunet.formats.nifti import write_nifti
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import State
from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate
from benchmarks.bench import parser_of, print_heading, print_row

SHAPE, PIXEL_MM, SLICE_MM = (10, 64, 64), 2.6, 5.0
SHORTEST_S, LONGEST_S = 2.0, 20.0
SPOILERS = (b"", b"\x1f\x8b no volume", b"text\n", bytes(400), b"\x5c\x01\x00\x00" + bytes(344))
"""Contents of files that no reader can read."""


def main(argv: list[str] | None = None) -> None:
    """Print what ended how after the kills, and what was done twice or lost."""
    parser = parser_of(__doc__)
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--broken", type=int, default=10)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="afunet-batch-") as folder:
        scans, output = Path(folder) / "scans", Path(folder) / "out"
        write_scans(scans, given.scans, given.broken)
        began, kills = time.monotonic(), Counter[str]()
        chance = random.Random(given.seed)
        for number in range(given.kills):
            kills[_killed(scans, output, given.workers, chance, number)] += 1
        code = subprocess.run(_command(scans, output, given.workers), check=False).returncode
        _print_end(scans, output, kills, code, time.monotonic() - began)


def write_scans(folder: Path, count: int, broken: int) -> None:
    """Write so many scans, each a little different, the last `broken` of them unreadable."""
    folder.mkdir()
    grid = axial_grid(SHAPE, PIXEL_MM, SLICE_MM, (95, 8, 0))
    volume = simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=2.0))).volume
    voxels = np.asarray(volume.voxels, dtype=np.int16)
    for number in range(count):
        path = folder / f"leg-{number:04d}.nii.gz"
        if number >= count - broken:
            path.write_bytes(SPOILERS[number % len(SPOILERS)])
        else:
            write_nifti(volume.with_voxels(voxels + np.int16(number)), path, "simulated leg")


def _killed(scans: Path, output: Path, workers: int, chance: random.Random, number: int) -> str:
    """Start the batch and kill it or one of its workers; return what happened."""
    with subprocess.Popen(_command(scans, output, workers), stderr=subprocess.DEVNULL) as batch:
        time.sleep(chance.uniform(SHORTEST_S, LONGEST_S))
        if batch.poll() is not None:
            return "it had ended"
        children = _children(batch.pid)
        if number % 2 and children:
            os.kill(chance.choice(children), signal.SIGKILL)
            time.sleep(chance.uniform(0, SHORTEST_S))
            batch.kill()
            return "a worker, then the batch"
        batch.kill()
        return "the batch"


def _command(scans: Path, output: Path, workers: int) -> list[str]:
    options = ["--fast", "--quiet", "--workers", str(workers)]
    return [sys.executable, "-m", "afunet", "batch", str(scans), "-o", str(output), *options]


def _children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def _print_end(scans: Path, output: Path, kills: Counter[str], code: int, seconds: float) -> None:
    jobs = FolderLedger(output / JOBS / "jobs").jobs(OWNER)
    states = Counter(job.state for job in jobs)
    with (output / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lost = len(list(scans.iterdir())) - len(rows)
    twice = len(rows) - len({row["case"] for row in rows})
    tries = Counter(job.tries for job in jobs)
    print_heading("scans", "done:", "failed:", "lost:", "twice:", "tries:", "exit code:", "s:")
    print_row(
        len(rows),
        states[State.DONE],
        states[State.FAILED],
        lost,
        twice,
        sum(job.tries for job in jobs),
        code,
        f"{seconds:.0f}",
    )
    print()
    print(
        f"killed: {', '.join(f'{what} {count} times' for what, count in kills.items()) or 'never'}"
    )
    print(f"tries: {', '.join(f'{count} cases in {n}' for n, count in sorted(tries.items()))}")


if __name__ == "__main__":
    main()
