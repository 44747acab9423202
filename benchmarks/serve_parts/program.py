"""`afunet serve` as a process, and what a user asks of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

FINAL = ("done", "failed", "cancelled")


@dataclass(frozen=True, eq=False)
class Program:
    """The server, and a link with a token for each user."""

    process: subprocess.Popen[str]
    links: Mapping[str, str]

    def client(self, user: str) -> httpx2.Client:
        """A client of the page with the user's token."""
        base, _, token = self.links[user].partition("/?token=")
        headers = {"x-afunet": "1", "authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=base, headers=headers, timeout=1800)

    def children(self) -> list[int]:
        """The processes of its jobs and short tasks."""
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in listed for pid in path.read_text().split()]

    def megabytes(self) -> tuple[float, float]:
        """The largest memory so far of the server, and of those of its processes that run."""
        return _peak_mb(self.process.pid), sum(map(_peak_mb, self.children()))


@contextmanager
def started(data: Path, users: Sequence[str]) -> Iterator[Program]:
    """Yield a running server; it is killed at the end."""
    named = [word for user in users for word in ("--user", user)]
    command = [sys.executable, "-m", "afunet", "serve", "--data", str(data), *named]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().split() for _ in users]
            yield Program(
                process, {user: line[-1] for user, line in zip(users, lines, strict=True)}
            )
        finally:
            process.kill()


def uploaded(client: httpx2.Client, scan: bytes) -> str:
    """Send a scan; return the id of the upload."""
    upload = client.post("/api/uploads").json()["upload"]
    client.put(f"/api/uploads/{upload}/files/0", content=scan).raise_for_status()
    return str(upload)


def begun(client: httpx2.Client, scan: bytes) -> str:
    """Send a scan and begin its case; return the id."""
    return case_of(client, uploaded(client, scan))


def case_of(client: httpx2.Client, upload: str) -> str:
    """Begin the case of an upload; return the id."""
    client.post(f"/api/uploads/{upload}/complete").raise_for_status()
    made = client.post("/api/cases", json={"upload": upload, "series": "1", "fast": True})
    return str(made.raise_for_status().json()["case"])


def ended(client: httpx2.Client, case: str) -> Mapping[str, Any]:
    """Wait for the end of a case; return it."""
    while True:
        shown: Mapping[str, Any] = client.get(f"/api/cases/{case}").json()
        if shown["state"] in FINAL:
            return shown
        time.sleep(0.5)


def renamed(client: httpx2.Client, case: str, version: str, name: str) -> str:
    """Correct a case; return the version that the server acknowledged."""
    answer = client.post(
        f"/api/cases/{case}/edits",
        json={"kind": "rename", "pieces": [1], "name": name},
        headers={"if-match": version},
    )
    return str(answer.raise_for_status().json()["version"])


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    peaks = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0].split()[1]) / 1024 if peaks else 0.0


def killed(pid: int) -> None:
    """Kill a process that may have ended."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
