"""The server and its processes are killed: nothing acknowledged is lost, nothing done twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest
from tests.server.conftest import ANN, ROOT

from afunet.jobs.job import Job, State
from afunet.jobs.ledger import Ledger
from afunet.server.home import CaseFolder, Home
from afunet.server.kinds import EXPORT
from afunet.server.tasks import TASKS, export
from afunet.server.view import version_of
from afunet.watch import Watch
from afunet.workflows.edit_list import read_edits
from afunet.workflows.own_files import digest_of, read_own_files


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


FORMATS = ("nifti", "nrrd", "mha", "stl", "ply", "obj", "vtp", "glb", "seg", "rtstruct", "sr")
MOMENTS = ("reading slices", "surfaces of pieces", "writing")


def test_an_export_whose_process_is_killed_is_made_once_and_whole(
    finished_home: tuple[Path, str], tmp_path: Path
) -> None:
    """It is killed while it reads, measures and writes; the correction before it stays."""
    source, case = finished_home
    shutil.copytree(source, data := tmp_path / "data")
    folder, path = Home(data).user(ANN).case(case), f"/api/cases/{case}"
    with (
        started(data) as program,
        program.client() as client,
        closing(Ledger(Home(data).ledger)) as ledger,
    ):
        wanted = {"kind": "rename", "pieces": [1], "name": "left tibia"}
        headers = {"if-match": client.get(path).json()["version"]}
        version = client.post(f"{path}/edits", json=wanted, headers=headers).json()["version"]
        jobs = []
        for moment in MOMENTS:
            job = client.post(f"{path}/export", json={"formats": FORMATS}).json()["job"]
            until(lambda: has_come_to(ledger.job(job), moment), 300)  # noqa: B023
            for child in program.children():
                os.kill(child, signal.SIGKILL)
            until(lambda: ledger.job(job).state.is_final, 300)  # noqa: B023
            assert (ledger.job(job).state, ledger.job(job).tries) == (State.DONE, 2)
            assert client.get(f"{path}/export").json()["files"] == require_whole(folder)
            jobs.append(job)
        ends = [one.job for one in ledger.events(ANN) if one.state is State.DONE]
        assert [job for job in ends if job in jobs] == jobs
        exports = [job.id for job in ledger.jobs(ANN, case) if job.kind == EXPORT]
        assert exports == jobs
        assert client.get(path).json()["version"] == version
    (edited,) = read_edits(folder.results).edits
    assert edited.edit.name == "left tibia"


def has_come_to(job: Job, moment: str) -> bool:
    """Whether a job is at a stage, or beyond it: some are over in no time."""
    stages = [step.name for step in TASKS[EXPORT].plan]
    now = job.progress.stage
    return job.state.is_final or now in stages[stages.index(moment) :]


def require_whole(folder: CaseFolder) -> list[str]:
    """The names of the exported files, which are all there as they were written."""
    listed = read_own_files(folder.exports).files["export"]
    assert {"mask.nii.gz", "bone.stl", "segmentation.dcm", "measurements.dcm"} <= set(listed)
    assert {name: digest_of(folder.exports / name) for name in listed} == listed
    assert list(folder.path.glob(".afunet-*")) == []
    return list(listed)


def test_an_export_that_is_killed_at_any_move_is_whole_the_next_time(
    finished_home: tuple[Path, str], tmp_path: Path
) -> None:
    source, case = finished_home
    shutil.copytree(source, tmp_path / "data")
    folder = Home(tmp_path / "data").user(ANN).case(case)
    version = version_of(folder)
    request = {"case": str(folder.path), "series": "1", "formats": ["nifti"]}
    for move in range(1, 9):
        if not killed_at(move, request, folder.exports):
            break
        assert version_of(folder) == version
    else:
        pytest.fail("the moves did not end")
    assert move > 3  # mask, pieces and the list of files
    listed = read_own_files(folder.exports).files["export"]
    assert {name: digest_of(folder.exports / name) for name in listed} == listed
    assert {"mask.nii.gz", "instances.nii.gz"} <= set(listed)
    assert list(folder.path.glob(".afunet-*")) == []


def killed_at(move: int, request: dict[str, object], exports: Path) -> bool:
    """Export in a process that is killed at a move into the folder; return whether it was."""
    process = os.fork()
    if process == 0:
        replace, moves = os.replace, list[Path]()

        def kill(source: Path, place: Path) -> None:
            if Path(place).parent == exports:
                moves.append(place)
            if len(moves) == move:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, place)

        os.replace = kill  # type: ignore[assignment]
        export(request, Watch())
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
