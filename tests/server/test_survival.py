"""The server and its processes are killed: nothing acknowledged is lost, nothing done twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest
from tests.server.conftest import ROOT

from afunet.workflows.edit_list import read_edits


@dataclass(eq=False)
class Program:
    """`afunet serve` as a process."""

    process: subprocess.Popen[str]
    link: str

    def client(self) -> httpx2.Client:
        base, _, token = self.link.partition("/?token=")
        headers = {"x-afunet": "1", "authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=base, headers=headers, timeout=120)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in listed for pid in path.read_text().split()]


@contextmanager
def started(data: Path) -> Iterator[Program]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "afunet", "serve", "--data", str(data), "--user", "ann"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert link.startswith("http://127.0.0.1:")
        try:
            yield Program(process, link)
        finally:
            process.kill()


def until_done(client: httpx2.Client, case: str, seconds: float = 300) -> dict[str, object]:
    end = time.monotonic() + seconds
    while True:
        shown: dict[str, object] = client.get(f"/api/cases/{case}").json()
        if shown["state"] in ("done", "failed", "cancelled"):
            return shown
        assert time.monotonic() < end
        time.sleep(0.2)


def begun(client: httpx2.Client, zipped: bytes) -> str:
    upload = client.post("/api/uploads").json()["upload"]
    assert client.put(f"/api/uploads/{upload}/files/0", content=zipped).status_code == 200
    assert client.post(f"/api/uploads/{upload}/complete").status_code == 200
    answer = client.post("/api/cases", json={"upload": upload, "series": "1", "fast": True})
    return str(answer.json()["case"])


@pytest.mark.parametrize("seed", [1])
def test_a_server_killed_at_any_moment_loses_no_case_and_no_correction(
    zipped: bytes, tmp_path: Path, seed: int
) -> None:
    wait = random.Random(seed).uniform(0.1, 3.0)
    with started(tmp_path) as program, program.client() as client:
        case = begun(client, zipped)
        upload = client.post("/api/uploads").json()["upload"]
        client.put(f"/api/uploads/{upload}/files/0", content=zipped)
        time.sleep(wait)
        orphans = program.children()
        program.kill()
        end = time.monotonic() + 10
        while any(alive(pid) for pid in orphans):
            assert time.monotonic() < end
            time.sleep(0.05)
    with started(tmp_path) as program, program.client() as client:
        assert [one["case"] for one in client.get("/api/cases").json()] == [case]
        assert client.post(f"/api/uploads/{upload}/complete").status_code == 200
        shown = until_done(client, case)
        assert shown["state"] == "done"
        edited = client.post(
            f"/api/cases/{case}/edits",
            json={"kind": "rename", "pieces": [1], "name": "left tibia"},
            headers={"if-match": str(shown["version"])},
        )
        assert edited.status_code == 200
        program.kill()
    with started(tmp_path) as program, program.client() as client:
        again = client.get(f"/api/cases/{case}").json()
        assert again["version"] == edited.json()["version"]
        assert again["pieces"][0]["name"].startswith("left tibia")
        results = tmp_path / "users" / "ann" / "cases" / case / "results"
        assert len(read_edits(results).edits) == 1


def test_a_server_that_is_told_to_end_during_an_upload_leaves_no_half_file(tmp_path: Path) -> None:
    """It ends soon although the client never does; what it acknowledged is there."""
    with started(tmp_path) as program, program.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        path = f"/api/uploads/{upload}/files"
        assert client.put(f"{path}/0", content=b"whole").status_code == 200
        half = tmp_path / "users" / "ann" / "uploads" / upload
        stop = Event()

        def endless() -> Iterator[bytes]:
            while not stop.is_set():
                yield bytes(1 << 16)
                time.sleep(0.02)

        def send() -> None:
            with suppress(httpx2.HTTPError), program.client() as other:
                other.put(f"{path}/1", content=endless())

        sending = Thread(target=send)
        sending.start()
        until(lambda: bool(list(half.glob(".passing-*"))))
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(60) == 128 + signal.SIGTERM
        stop.set()
        sending.join()
    assert [one.name for one in half.iterdir()] == ["input"]
    assert [one.read_bytes() for one in (half / "input").iterdir()] == [b"whole"]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_killed_process_of_a_job_is_replaced(zipped: bytes, tmp_path: Path) -> None:
    with started(tmp_path) as program, program.client() as client:
        case = begun(client, zipped)
        end = time.monotonic() + 60
        while client.get(f"/api/cases/{case}").json()["state"] != "running":
            assert time.monotonic() < end
            time.sleep(0.05)
        for child in program.children():
            os.kill(child, signal.SIGKILL)
        assert until_done(client, case)["state"] == "done"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
