"""The worker: a process for each job; the end of any of them is noticed."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from afunet.jobs.job import Failure, Job, Progress, State
from afunet.jobs.ledger import Ledger
from afunet.jobs.process import Done, Gone, Message, ProcessPool, TaskProcess
from afunet.jobs.store import MOST_TRIES
from afunet.jobs.worker import Worker

TASKS = "tests.jobs.some_tasks"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _found_by_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "jobs.sqlite")
    yield ledger
    ledger.close()


@pytest.fixture
def worker(ledger: Ledger) -> Iterator[Worker]:
    worker = Worker(ledger, TASKS, lease_s=4.0)
    worker.start()
    yield worker
    worker.stop()


def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def ended(ledger: Ledger, job: Job) -> Job:
    until(lambda: ledger.job(job.id).state.is_final)
    return ledger.job(job.id)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def last_message(process: TaskProcess) -> Message | None:
    while isinstance(message := process.message(60), Progress):
        pass
    return message


def test_a_job_runs_in_another_process_and_tells_its_progress(
    ledger: Ledger, worker: Worker, tmp_path: Path
) -> None:
    request = {"path": str(tmp_path / "out"), "line": "one", "seconds": 2.0}
    job = ledger.add("ann", "case1", "note", request)
    worker.wake()
    assert ended(ledger, job).state is State.DONE
    assert lines(tmp_path / "out") == ["one"]
    told = ledger.job(job.id).progress
    assert told.stage == "waiting"
    assert told.share is not None
    assert told.share > 0.3


def test_a_refusal_and_a_fault_end_a_job_without_quoting_the_input(
    ledger: Ledger, worker: Worker
) -> None:
    refused = ended(ledger, ledger.add("ann", "case1", "refuse", {}))
    assert refused.failure == Failure("NOT_RIGHT", "nothing is right")
    fault = ended(ledger, ledger.add("ann", "case2", "err", {}))
    assert fault.failure is not None
    assert fault.failure.code == "PROGRAM_ERROR"
    assert "Doe" not in fault.failure.message


def test_a_job_whose_process_ends_is_tried_three_times(
    ledger: Ledger, worker: Worker, tmp_path: Path
) -> None:
    failed = ended(ledger, ledger.add("ann", "case1", "end", {"path": str(tmp_path / "pids")}))
    assert failed.failure is not None
    assert failed.failure.code == "WORKER_LOST"
    assert len(set(lines(tmp_path / "pids"))) == MOST_TRIES


def test_a_process_that_is_killed_gives_its_job_to_the_next(
    ledger: Ledger, worker: Worker, tmp_path: Path
) -> None:
    request = {"path": str(tmp_path / "out"), "line": "one", "seconds": 3.0}
    job = ledger.add("ann", "case1", "note", request)
    until(lambda: ledger.job(job.id).progress.stage == "waiting")
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    assert ended(ledger, job).state is State.DONE
    assert ledger.job(job.id).tries == 2
    assert lines(tmp_path / "out") == ["one"]


def test_a_running_job_is_cancelled(ledger: Ledger, worker: Worker, tmp_path: Path) -> None:
    request = {"path": str(tmp_path / "out"), "line": "one", "seconds": 60.0}
    job = ledger.add("ann", "case1", "note", request)
    until(lambda: ledger.job(job.id).progress.stage == "waiting")
    ledger.cancel(job.id)
    assert ended(ledger, job).state is State.CANCELLED
    assert lines(tmp_path / "out") == []


def test_a_worker_that_stops_gives_its_job_back(ledger: Ledger, tmp_path: Path) -> None:
    request = {"path": str(tmp_path / "out"), "line": "one", "seconds": 60.0}
    job = ledger.add("ann", "case1", "note", request)
    worker = Worker(ledger, TASKS)
    worker.start()
    until(lambda: ledger.job(job.id).progress.stage == "waiting")
    worker.stop()
    assert (ledger.job(job.id).state, ledger.job(job.id).tries) == (State.QUEUED, 0)
    assert lines(tmp_path / "out") == []


def test_a_kept_process_does_the_next_job_and_ends_when_there_is_none(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afunet.jobs.worker.IDLE_S", 3.0)
    worker = Worker(ledger, TASKS, keeps_process=True)
    worker.start()
    pids = set()
    for line in ("one", "two"):
        job = ledger.add("ann", line, "note", {"path": str(tmp_path / "out"), "line": line})
        worker.wake()
        assert ended(ledger, job).state is State.DONE
        assert worker.process is not None
        pids.add(worker.process.pid)
    assert len(pids) == 1
    until(lambda: worker.process is None)
    assert is_gone(*pids)
    worker.stop()
    assert lines(tmp_path / "out") == ["one", "two"]


def test_a_process_ends_itself_when_its_parent_is_silent(tmp_path: Path) -> None:
    """As when the parent was stopped and its lease has run out."""
    process = TaskProcess(TASKS)
    request = {"path": str(tmp_path / "out"), "line": "one", "seconds": 20.0}
    process.order("note", request, silence_s=1.0)
    assert isinstance(last_message(process), Gone)
    assert lines(tmp_path / "out") == []
    process.end()


def test_what_a_library_prints_is_no_message() -> None:
    process = TaskProcess(TASKS)
    process.order("shout", {})
    assert last_message(process) == Done({"printed": True})
    process.end()


def test_a_pool_keeps_its_process_and_replaces_one_that_ended(tmp_path: Path) -> None:
    pool = ProcessPool(TASKS, 1)
    pool.warm()
    request = {"path": str(tmp_path / "out"), "line": "one"}
    assert pool.run("note", request, timeout_s=60) == Done({"written": "one"})
    lost = pool.run("end", request, timeout_s=60)
    assert isinstance(lost, Failure)
    assert lost.code == "WORKER_LOST"
    assert pool.run("refuse", {}, timeout_s=60) == Failure("NOT_RIGHT", "nothing is right")
    late = pool.run("note", {**request, "seconds": 600}, timeout_s=0.0)
    assert isinstance(late, Failure)
    assert late.code == "TIMED_OUT"
    pool.close()
    assert len(lines(tmp_path / "out")) == 2


ORPHAN = """
import sys, time
from pathlib import Path
from afunet.jobs.process import TaskProcess
process = TaskProcess("tests.jobs.some_tasks")
process.order("note", {"path": sys.argv[1], "line": "orphan", "seconds": 30.0})
process.message()
Path(sys.argv[2]).write_text(str(process.pid))
time.sleep(60)
"""


def test_a_process_whose_parent_is_killed_ends_at_once(tmp_path: Path) -> None:
    import subprocess
    import sys

    pid = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(tmp_path / "out"), str(pid)])
    until(lambda: pid.is_file() and bool(pid.read_text()))
    child = int(pid.read_text())
    parent.kill()
    parent.wait()
    until(lambda: is_gone(child), 10)
    assert lines(tmp_path / "out") == []
