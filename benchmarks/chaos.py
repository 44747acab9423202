"""Kill -9 each part of a batch at random moments, fill its disk, set its clock back; count jobs.

`python -m benchmarks.chaos --scans 6 --blows 20`

First a batch runs undisturbed. Then each row strikes its own: after each blow, whatever does not
start by itself is started again. When all jobs have ended before the last blow, the next batch
begins. Every job must have ended once, and its results must be those of the undisturbed batch.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import numpy as np

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate
from benchmarks.bench import parser_of, print_heading, print_row
from benchmarks.chaos_parts import batches
from benchmarks.chaos_parts.system import Ended, How, Start, System

SHAPE, PIXEL_MM, SLICE_MM = (10, 64, 64), 2.6, 5.0
LOOK_S = 0.2
STARTS: dict[str, Start] = {
    "driver": partial(batches.host_batch, blow=batches.kill_driver),
    "worker": partial(batches.host_batch, blow=batches.kill_worker),
    "disk-full": partial(batches.small_disk_batch, blow=batches.fill_disk),
    "clock-back": partial(batches.timed_batch, blow=batches.set_clock_back),
    "ray-driver": partial(batches.cluster_batch, blow=batches.kill_driver),
    "ray-actor": partial(batches.cluster_batch, blow=batches.kill_ray_worker),
    "ray-node": partial(batches.cluster_batch, blow=batches.kill_ray_node),
}
"""The rows of the table. A row of another system is one more line."""


@dataclass
class Count:
    """What became of the jobs of a row."""

    blows: int = 0
    jobs: int = 0
    done: int = 0
    lost: int = 0
    twice: int = 0
    wrong: int = 0
    retried: int = 0
    seconds: float = 0.0


@dataclass
class Sight:
    """The jobs that were seen to end, in the words of each end."""

    seen: dict[str, Ended] = field(default_factory=dict)
    retried: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)

    def look(self, system: System) -> None:
        """Note what ended, and what ended once more after it had been done."""
        for name, end in system.ended().items():
            before = self.seen.get(name)
            if before is not None and before.note != end.note and before.how is How.DONE:
                self.twice.add(name)
            if end.how is How.FAILED:
                self.retried.add(name)
            self.seen[name] = end


def main(argv: list[str] | None = None) -> None:
    """Print what became of the jobs of each row."""
    parser = parser_of(__doc__)
    parser.add_argument("--scans", type=int, default=6)
    parser.add_argument("--blows", type=int, default=20)
    parser.add_argument("--rows", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--longest-s", type=float, default=20.0, help="until the next blow")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="afunet-chaos-") as folder:
        scans = Path(folder) / "scans"
        write_scans(scans, given.scans)
        expected = undisturbed(scans, Path(folder))
        print_heading(
            "struck", "blows:", "jobs:", "done:", "lost:", "twice:", "wrong:", "retried:", "s:"
        )
        for row in given.rows:
            chance = Random(f"{given.seed} {row}")
            count = struck(STARTS[row], scans, expected, given.blows, given.longest_s, chance)
            print_row(
                row,
                count.blows,
                count.jobs,
                count.done,
                count.lost,
                count.twice,
                count.wrong,
                count.retried,
                f"{count.seconds:.0f}",
            )


def write_scans(folder: Path, count: int) -> None:
    """Write a small simulated leg so many times, each at another place, so that results differ."""
    folder.mkdir()
    grid = axial_grid(SHAPE, PIXEL_MM, SLICE_MM, (95, 8, 0))
    volume = simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=2.0))).volume
    voxels = np.asarray(volume.voxels, dtype=np.int16)
    for number in range(count):
        affine = np.array(volume.affine)
        affine[2, 3] += number
        write_nifti(Volume(voxels, affine), folder / f"leg-{number:04d}.nii.gz", "simulated leg")


def undisturbed(scans: Path, above: Path) -> Mapping[str, str]:
    """The digest of each job's results if nothing happens; no two are equal."""
    with _folder(above) as folder, batches.host_batch(scans, folder, batches.kill_driver) as system:
        system.finish()
        digests = {name: end.digest for name, end in system.ended().items()}
    assert len(set(digests.values())) == len(list(scans.iterdir())), digests
    return digests


def struck(
    start: Start,
    scans: Path,
    expected: Mapping[str, str],
    blows: int,
    longest_s: float,
    chance: Random,
) -> Count:
    """Strike until so many blows fell, in as many batches as that takes; count their jobs."""
    count, began = Count(), time.monotonic()
    while count.blows < blows:
        with _folder(scans.parent) as folder, start(scans, folder) as system:
            sight = Sight()
            while count.blows < blows:
                _wait(system, sight, chance.uniform(0, longest_s), len(expected))
                if len(sight.seen) == len(expected):
                    break
                system.strike(chance)
                count.blows += 1
                system.mend()
            system.finish()
            sight.look(system)
            _add(count, sight, expected)
    count.seconds = time.monotonic() - began
    return count


def _wait(system: System, sight: Sight, seconds: float, jobs: int) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(sight.seen) < jobs:
        sight.look(system)
        time.sleep(LOOK_S)


def _add(count: Count, sight: Sight, expected: Mapping[str, str]) -> None:
    ends = Counter(end.how for end in sight.seen.values())
    count.jobs += len(expected)
    count.done += ends[How.DONE]
    count.lost += len(expected) - ends.total()
    count.twice += len(sight.twice)
    count.wrong += sum(expected[name] != end.digest for name, end in sight.seen.items())
    count.retried += len(sight.retried)


@contextmanager
def _folder(above: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=above) as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
