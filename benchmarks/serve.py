"""The workbench's server: killed at random moments, and asked by many users at a time.

`python -m benchmarks.serve SCAN.zip --kills 20 --users 20 --seconds 30 --upload-mib 1024`
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np

from benchmarks.bench import parser_of, print_heading, print_row

USER = "bench"
LONGEST_WAIT_S = 4.0
SLAB = 20
CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Program:
    """`afunet serve` as a process, and a link with its token."""

    process: subprocess.Popen[str]
    link: str

    def client(self) -> httpx2.Client:
        """A client with the token."""
        base, _, token = self.link.partition("/?token=")
        headers = {"x-afunet": "1", "authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=base, headers=headers, timeout=600)

    def children(self) -> list[int]:
        """The processes of its jobs."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in listed for pid in path.read_text().split()]

    @property
    def megabytes(self) -> float:
        """The largest memory of the server alone so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024


def main(argv: list[str] | None = None) -> None:
    """Print what was lost after kills, and the latencies of users."""
    parser = parser_of(__doc__)
    parser.add_argument("scan", type=Path, help="one file that afunet serve takes, such as a zip")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--upload-mib", type=int, default=1024)
    given = parser.parse_args(argv)
    content = given.scan.read_bytes()
    with tempfile.TemporaryDirectory(prefix="afunet-serve-") as folder:
        _print_kills(content, Path(folder), given.kills)
        _print_users(content, Path(folder), given.users, given.seconds, given.upload_mib)


def _print_kills(scan: bytes, data: Path, kills: int) -> None:
    """Kill the server or the process of a job, each time after a case and a correction."""
    chance, cases, version, edits_lost = random.Random(0), list[str](), "", 0
    with _started(data) as program, program.client() as client:
        first = _begun(client, scan)
        _until_done(client, first)
    for number in range(kills):
        with _started(data) as program, program.client() as client:
            kept = client.get(f"/api/cases/{first}").json()["version"]
            edits_lost += version not in ("", kept)
            cases.append(_begun(client, scan))
            version = _renamed(client, first, kept, ("left femur", "left tibia")[number % 2])
            time.sleep(chance.uniform(0, LONGEST_WAIT_S))
            victims = program.children() if number % 2 else [program.process.pid]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
    with _started(data) as program, program.client() as client:
        done = [_until_done(client, case) for case in cases]
        listed = [one["case"] for one in client.get("/api/cases").json()]
        edits_lost += version != client.get(f"/api/cases/{first}").json()["version"]
    print_heading("kills", "cases:", "done:", "lost:", "twice:", "corrections:", "lost:")
    lost, again = len(set(cases) - set(listed)), len(listed) - len(set(listed))
    print_row(kills, len(cases), sum(done), lost, again, kills, edits_lost)


def _print_users(scan: bytes, data: Path, users: int, seconds: float, upload_mib: int) -> None:
    """Users read random slabs of one case while one of them uploads a large file."""
    with _started(data / "users-alone") as program:
        with program.client() as client:
            case = _begun(client, scan)
            _until_done(client, case)
            slices = client.get(f"/api/cases/{case}").json()["grid"]["shape"][2]
        rows: dict[str, list[float]] = {"first slice": [], "mesh": [], "slab": [], "list": []}
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=_scroll, args=(program, case, slices, end, rows, seed))
            for seed in range(users)
        ]
        for thread in threads:
            thread.start()
        spent = _uploaded(program, upload_mib)
        for thread in threads:
            thread.join()
        print_heading("request", "number:", "median ms:", "95 % ms:")
        for name, times in rows.items():
            middle, high = np.percentile(times, (50, 95)) * 1000
            print_row(name, len(times), f"{middle:.0f}", f"{high:.0f}")
        print(f"\nupload of {upload_mib} MiB: {spent:.1f} s; server: {program.megabytes:.0f} MB")


def _scroll(
    program: Program,
    case: str,
    slices: int,
    end: float,
    rows: dict[str, list[float]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    with program.client() as client:
        _timed(client, f"/api/cases/{case}/scan.nii?first=0&last=0", rows["first slice"])
        _timed(client, f"/api/cases/{case}/meshes/1.mz3", rows["mesh"])
        while time.monotonic() < end:
            first = chance.randrange(max(1, slices - SLAB))
            last = min(slices - 1, first + SLAB - 1)
            span = f"first={first}&last={last}"
            _timed(client, f"/api/cases/{case}/scan.nii?{span}", rows["slab"])
            _timed(client, "/api/cases", rows["list"])


def _timed(client: httpx2.Client, path: str, times: list[float]) -> None:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    times.append(time.perf_counter() - began)


def _uploaded(program: Program, mib: int) -> float:
    began = time.perf_counter()
    with program.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        chunks = (bytes(CHUNK) for _ in range(mib))
        client.put(f"/api/uploads/{upload}/files/0", content=chunks).raise_for_status()
        spent = time.perf_counter() - began
        client.delete(f"/api/uploads/{upload}")
    return spent


@contextmanager
def _started(data: Path) -> Iterator[Program]:
    command = [sys.executable, "-m", "afunet", "serve", "--data", str(data), "--user", USER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Program(process, process.stdout.readline().strip())
        finally:
            process.kill()


def _begun(client: httpx2.Client, scan: bytes) -> str:
    upload = client.post("/api/uploads").json()["upload"]
    client.put(f"/api/uploads/{upload}/files/0", content=scan).raise_for_status()
    client.post(f"/api/uploads/{upload}/complete").raise_for_status()
    made = client.post("/api/cases", json={"upload": upload, "series": "1", "fast": True})
    return str(made.raise_for_status().json()["case"])


def _renamed(client: httpx2.Client, case: str, version: str, name: str) -> str:
    """Correct a case; return the version that the server acknowledged."""
    answer = client.post(
        f"/api/cases/{case}/edits",
        json={"kind": "rename", "pieces": [1], "name": name},
        headers={"if-match": version},
    )
    return str(answer.raise_for_status().json()["version"])


def _until_done(client: httpx2.Client, case: str) -> bool:
    """Wait for the end of a case; return whether it is done."""
    while (state := client.get(f"/api/cases/{case}").json()["state"]) in ("queued", "running"):
        time.sleep(0.3)
    return bool(state == "done")


if __name__ == "__main__":
    main()
