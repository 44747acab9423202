"""A DICOM node under load: several senders at once, and a day of traffic compressed in time.

`python -m benchmarks.node_load --senders 8 --slices 500 --series 60`

All images have 64 × 64 pixels. A peer in this process takes the results and keeps none.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from afunet.node.home import Home
from afunet.node.purge import purge
from afunet.node.status import status_of
from benchmarks.bench import parser_of, print_heading, print_row
from benchmarks.node_parts.process import ROLES, RunningNode, free_port, running_node, until
from benchmarks.node_parts.traffic import sent, sink

CONFIG = """
ae_title = "AFUNET"
port = {port}
data = "data"
free_mib = 1
most_associations = {senders}
[[peers]]
name = "archive"
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = {archive}
{peers}
[[rules]]
name = "legs"
description = "{description}"
least_slices = 2
quiet_s = 1.0
[results]
send_to = ["archive"]
weights = "{weights}"
fast = {fast}
"""
SENDER = '[[peers]]\nname = "ct{number}"\nae_title = "CT{number}"\n'
PURGE_AT_S = 1.0


def main(argv: list[str] | None = None) -> None:
    """Print what the receiver did with all senders, and whether a day makes the node grow."""
    parser = parser_of(__doc__)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--slices", type=int, default=500, help="of each sender's series")
    parser.add_argument("--series", type=int, default=60, help="of the day, one after the other")
    parser.add_argument("--day-slices", type=int, default=8, help="of each series of the day")
    parser.add_argument("--weights", default="", help="those of the day's jobs; shipped: fast ones")
    given = parser.parse_args(argv)
    ports = {"port": free_port(), "archive": free_port()}
    same = {
        **ports,
        "senders": given.senders,
        "peers": "\n".join(SENDER.format(number=number) for number in range(given.senders)),
        "weights": given.weights,
        "fast": str(not given.weights).lower(),
    }
    with tempfile.TemporaryDirectory(prefix="afunet-node-") as folder:
        for name in ("burst", "day"):
            (Path(folder) / name).mkdir()
        burst, day = (Path(folder) / name / "node.toml" for name in ("burst", "day"))
        burst.write_text(CONFIG.format(**same, description="never"))
        day.write_text(CONFIG.format(**same, description=""))
        with running_node(burst) as node:
            _print_burst(node, ports["port"], given.senders, given.slices)
        print()
        with sink(ports["archive"]) as taken, running_node(day) as node:
            _print_day(node, ports["port"], given.series, given.day_slices)
            print(f"\nthe peer took {len(taken)} objects, {sum(taken.values())} times")


def _print_burst(node: RunningNode, port: int, senders: int, slices: int) -> None:
    """Let all senders send one series each at the same time."""
    before, spawn = node.measured("receiver"), get_context("spawn")
    ready = spawn.Barrier(senders)
    with ProcessPoolExecutor(senders, spawn, initializer=ready.wait) as pool:
        tasks = [pool.submit(sent, port, number, slices, number) for number in range(senders)]
        peak = 0.0
        while not all(task.done() for task in tasks):
            peak = max(peak, node.measured("receiver").mb)
            time.sleep(0.2)
        taken = [task.result() for task in tasks]
    after = node.measured("receiver")
    seconds = max(one.ended for one in taken) - min(one.began for one in taken)
    images = sum(one.acknowledged for one in taken)
    kept = status_of(Home(node.data)).images
    print_heading(
        "senders:",
        "images acknowledged:",
        "in the table:",
        "refused:",
        "images a second:",
        "receiver, CPU ms an image:",
        "slowest answer, s:",
        "memory before, MB:",
        "at most, MB:",
    )
    print_row(
        senders,
        images,
        kept,
        sum(one.refused for one in taken),
        f"{images / seconds:.0f}",
        f"{1000 * (after.cpu_s - before.cpu_s) / max(1, images):.1f}",
        f"{max(one.slowest_s for one in taken):.1f}",
        f"{before.mb:.0f}",
        f"{peak:.0f}",
    )


def _print_day(node: RunningNode, port: int, series: int, slices: int) -> None:
    """Send series after series; purge what is done, and measure the node after each quarter."""
    home = Home(node.data)
    print_heading(
        "series:",
        "jobs done:",
        *(f"{role}, {what}:" for role in ROLES for what in ("MB", "handles")),
        "images and results after purge, kB:",
        "databases, kB:",
    )
    purged = 0
    marks = {max(1, series * quarter // 4) for quarter in range(1, 5)}
    for number in range(1, series + 1):
        answer = sent(port, 0, slices, 1000 + number)
        assert answer.acknowledged == slices, answer
        if number in marks:
            until(partial(_are_delivered, home, number - purged))
            figures = [node.measured(role) for role in ROLES]
            time.sleep(PURGE_AT_S)
            purged += purge(home, 0.0).series
            print_row(
                number,
                purged,
                *(value for one in figures for value in (f"{one.mb:.0f}", one.handles)),
                *(f"{size / 1000:.0f}" for size in _sizes(node.data)),
            )


def _are_delivered(home: Home, series: int) -> bool:
    """Whether all series that are there have been segmented, and all results sent."""
    found = status_of(home)
    assert not found.failed_jobs, found.failed_jobs
    done = found.jobs.get("done", 0) == series == sum(found.series.values())
    return done and set(found.results) == {"delivered"}


def _sizes(data: Path) -> tuple[int, int]:
    """The bytes of images and results, and of SQLite's files."""
    kept = sum(path.stat().st_size for path in data.glob("*/**/*") if path.is_file())
    return kept, sum(path.stat().st_size for path in data.glob("*.sqlite*"))


if __name__ == "__main__":
    main()
