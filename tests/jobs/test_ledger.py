"""The places that keep jobs: what is queued is done once, whoever ends."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import Failure, Progress, State
from afunet.jobs.ledger import Ledger
from afunet.jobs.store import MOST_TRIES, JobStore


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Dated:
    """A clock of files that shows another clock's time."""

    clock: Clock

    def now(self) -> float:
        return self.clock.now

    def touch(self, path: Path) -> None:
        os.utime(path, (self.clock.now, self.clock.now))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def base(tmp_path: Path, clock: Clock) -> Ledger:
    return Ledger(tmp_path / "jobs.sqlite", clock=clock)


@pytest.fixture(params=["one host", "many hosts"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> JobStore:
    if request.param == "one host":
        return Ledger(tmp_path / "jobs.sqlite", clock=clock)
    return FolderLedger(tmp_path / "jobs", given_clock=Dated(clock))


def test_a_job_is_claimed_once_and_done(ledger: JobStore) -> None:
    job = ledger.add("ann", "case1", "segment", {"fast": True})
    assert (job.state, job.request, job.tries) == (State.QUEUED, {"fast": True}, 0)
    claimed = ledger.claim()
    assert claimed is not None
    assert (claimed[0].id, claimed[0].state, claimed[0].tries) == (job.id, State.RUNNING, 1)
    assert ledger.claim() is None
    assert ledger.tell(claimed[1], Progress("predicting", 0.5, 12.0))
    assert ledger.job(job.id).progress == Progress("predicting", 0.5, 12.0)
    assert ledger.finish(claimed[1])
    assert ledger.job(job.id).state is State.DONE
    assert ledger.claim() is None


def test_a_job_outlives_the_program_that_queued_it(tmp_path: Path) -> None:
    for kind, place in ((Ledger, "jobs.sqlite"), (FolderLedger, "jobs")):
        job = kind(tmp_path / place).add("ann", "case1", "segment", {"fast": True})
        again = kind(tmp_path / place)
        assert again.jobs("ann") == [job]


def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_changes_nothing(
    ledger: JobStore, clock: Clock
) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    _, old = ledger.claim(10) or pytest.fail("no job")
    clock.now += 9
    assert ledger.renew(old, 10) is not None
    clock.now += 9
    assert ledger.claim() is None
    clock.now += 2
    taken = ledger.claim(10)
    assert taken is not None
    assert (taken[0].id, taken[0].tries) == (job.id, 2)
    assert ledger.renew(old, 10) is None
    assert not ledger.tell(old, Progress("late"))
    assert not ledger.finish(old)
    assert not ledger.fail(old, Failure("LATE", "late"))
    assert not ledger.give_back(old, counts=True)
    assert ledger.job(job.id).state is State.RUNNING
    assert ledger.finish(taken[1])


@pytest.mark.parametrize("jump_s", [-86_400, -3600, 3600, 86_400])
def test_a_job_is_taken_over_also_when_the_clock_was_set(
    ledger: JobStore, clock: Clock, jump_s: float
) -> None:
    """Its worker was killed; a lease that ends a day later than any can would hold it for a day."""
    clock.now = 1e9
    job = ledger.add("ann", "case1", "segment", {})
    other = ledger.add("ann", "case1", "export", {})
    assert ledger.claim(10) is not None
    clock.now += jump_s
    taken = ledger.claim(10)
    assert taken is not None
    assert (taken[0].id, taken[0].tries) == (job.id, 2)
    assert ledger.claim(10) is None
    assert ledger.finish(taken[1])
    following = ledger.claim(10)
    assert following is not None
    assert following[0].id == other.id


def test_a_worker_keeps_its_job_when_the_clock_is_set_back(ledger: JobStore, clock: Clock) -> None:
    clock.now = 1e9
    ledger.add("ann", "case1", "segment", {})
    claimed = ledger.claim(10)
    assert claimed is not None
    clock.now -= 3600
    assert ledger.renew(claimed[1], 10) is not None
    assert ledger.claim(10) is None
    assert ledger.finish(claimed[1])


def test_a_job_whose_workers_end_three_times_fails(ledger: JobStore, clock: Clock) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    for tried in range(1, MOST_TRIES + 1):
        claimed = ledger.claim(10)
        assert claimed is not None
        assert claimed[0].tries == tried
        clock.now += 11
    assert ledger.claim() is None
    failed = ledger.job(job.id)
    assert failed.state is State.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "WORKER_LOST"


def test_a_stop_of_the_worker_is_no_try(ledger: JobStore) -> None:
    ledger.add("ann", "case1", "segment", {})
    for _ in range(2 * MOST_TRIES):
        claimed = ledger.claim()
        assert claimed is not None
        assert claimed[0].tries == 1
        assert ledger.give_back(claimed[1], counts=False)


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked(ledger: JobStore) -> None:
    running, waiting = (ledger.add("ann", f"case{n}", "segment", {}) for n in (1, 2))
    _, lease = ledger.claim() or pytest.fail("no job")
    assert ledger.cancel(waiting.id) is State.CANCELLED
    assert ledger.cancel(running.id) is State.RUNNING
    renewed = ledger.renew(lease)
    assert renewed is not None
    assert renewed.wants_cancel
    assert ledger.stopped(lease)
    assert ledger.job(running.id).state is State.CANCELLED
    assert ledger.cancel(running.id) is State.CANCELLED
    assert ledger.claim() is None


def test_a_cancelled_job_is_not_taken_over(ledger: JobStore, clock: Clock) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    assert ledger.claim(10) is not None
    ledger.cancel(job.id)
    clock.now += 11
    assert ledger.claim() is None
    assert ledger.job(job.id).state is State.CANCELLED


def test_jobs_of_one_subject_wait_for_each_other(ledger: JobStore) -> None:
    first, second = (ledger.add("ann", "case1", kind, {}) for kind in ("segment", "export"))
    other = ledger.add("ann", "case2", "segment", {})
    one, two = ledger.claim(), ledger.claim()
    assert one is not None
    assert two is not None
    assert (one[0].id, two[0].id) == (first.id, other.id)
    assert ledger.claim() is None
    ledger.finish(one[1])
    three = ledger.claim()
    assert three is not None
    assert three[0].id == second.id


def test_the_owner_with_fewer_running_jobs_comes_first(base: Ledger) -> None:
    for number in range(3):
        base.add("ann", f"a{number}", "segment", {})
    late = base.add("ben", "b", "segment", {})
    order = [claimed[0].owner for _ in range(4) if (claimed := base.claim()) is not None]
    assert order == ["ann", "ben", "ann", "ann"]
    assert base.job(late.id).state is State.RUNNING


def test_events_follow_a_number_and_tell_each_state_once(base: Ledger) -> None:
    job = base.add("ann", "case1", "segment", {})
    base.add("ben", "other", "segment", {})
    _, lease = base.claim() or pytest.fail("no job")
    for share in (0.1, 0.2, 0.3):
        base.tell(lease, Progress("predicting", share))
    base.finish(lease)
    events = base.events("ann")
    assert [(one.state, one.progress.share) for one in events] == [
        (State.QUEUED, None),
        (State.RUNNING, 0.3),
        (State.DONE, 0.3),
    ]
    assert {one.job for one in events} == {job.id}
    assert base.events("ann", events[-1].number) == []
    assert base.events("ann", events[0].number) == events[1:]


def test_a_number_of_an_event_is_never_used_again(base: Ledger) -> None:
    base.add("ann", "case1", "segment", {})
    last = base.events("ann")[-1].number
    base.forget("ann", "case1")
    assert base.jobs("ann") == []
    base.add("ann", "case1", "segment", {})
    assert base.events("ann")[0].number > last


def test_an_unknown_job_is_a_key_error(ledger: JobStore) -> None:
    with pytest.raises(KeyError):
        ledger.job("none")


def test_many_threads_claim_each_job_once(ledger: JobStore) -> None:
    wanted = {ledger.add("ann", f"case{number}", "segment", {}).id for number in range(24)}

    def work(_: int) -> list[str]:
        done = []
        while (claimed := ledger.claim()) is not None:
            done.append(claimed[0].id)
            ledger.finish(claimed[1])
        return done

    with ThreadPoolExecutor(6) as threads:
        done = [job for jobs in threads.map(work, range(6)) for job in jobs]
    assert len(done) == len(wanted)
    assert set(done) == wanted


def test_a_known_job_is_not_queued_twice(ledger: JobStore) -> None:
    first = ledger.add("ann", "case1", "segment", {"fast": True}, "a1")
    assert ledger.add("ann", "case1", "segment", {"fast": True}, "a1") == first
    claimed = ledger.claim()
    assert claimed is not None
    assert ledger.finish(claimed[1], {"volume": 3})
    assert ledger.add("ann", "case1", "segment", {"fast": True}, "a1").state is State.DONE
    assert ledger.job("a1").answer == {"volume": 3}
    assert ledger.claim() is None


def test_a_failed_job_is_queued_again_with_all_its_tries(ledger: JobStore) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    _, lease = ledger.claim() or pytest.fail("no job")
    assert ledger.fail(lease, Failure("NOT_RIGHT", "nothing is right"))
    again = ledger.again(job.id)
    assert (again.state, again.tries, again.failure) == (State.QUEUED, 0, None)
    claimed = ledger.claim()
    assert claimed is not None
    assert claimed[0].tries == 1
    assert ledger.finish(claimed[1])
    assert ledger.again(job.id).state is State.DONE


def test_a_subject_of_any_name_stays_in_its_folder(tmp_path: Path) -> None:
    ledger = FolderLedger(tmp_path / "jobs")
    names = ["../out", "a/b", ".", "..", "Knie Größe 2"]
    for name in names:
        ledger.add("ann", name, "segment", {})
    assert sorted(job.subject for job in ledger.jobs("ann")) == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["jobs"]


def test_a_claim_whose_writer_was_killed_runs_out(tmp_path: Path, clock: Clock) -> None:
    ledger = FolderLedger(tmp_path / "jobs", given_clock=Dated(clock))
    job = ledger.add("ann", "case1", "segment", {})
    empty = tmp_path / "jobs" / "case1" / "claim-1"
    empty.touch()
    Dated(clock).touch(empty)
    assert ledger.claim() is None
    clock.now += 31
    claimed = ledger.claim()
    assert claimed is not None
    assert (claimed[0].id, claimed[0].tries) == (job.id, 2)


def test_a_claim_of_a_process_that_ended_here_runs_out_at_once(tmp_path: Path) -> None:
    ledger = FolderLedger(tmp_path / "jobs")
    job = ledger.add("ann", "case1", "segment", {})
    claim = (
        "import sys; from pathlib import Path; from afunet.jobs.folder_ledger import FolderLedger\n"
        "print(FolderLedger(Path(sys.argv[1])).claim()[0].id, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", claim, str(tmp_path / "jobs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == job.id
        assert ledger.claim() is None
        other.kill()
        other.wait()
    claimed = ledger.claim()
    assert claimed is not None
    assert (claimed[0].id, claimed[0].tries) == (job.id, 2)


def test_many_hosts_that_look_at_once_never_hold_one_job_together(tmp_path: Path) -> None:
    wanted = [str(number) for number in range(12)]
    for subject in wanted:
        FolderLedger(tmp_path / "jobs").add("ann", subject, "segment", {})

    def work(_: int) -> list[str]:
        ledger, done = FolderLedger(tmp_path / "jobs"), []
        while (claimed := ledger.claim()) is not None:
            done.append(claimed[0].subject)
        return done

    with ThreadPoolExecutor(8) as hosts:
        held = [subject for subjects in hosts.map(work, range(8)) for subject in subjects]
    assert sorted(held) == sorted(wanted)


def test_hosts_share_the_jobs_that_are_theirs(tmp_path: Path) -> None:
    even = FolderLedger(tmp_path / "jobs", ["0", "2", "4"])
    odd = FolderLedger(tmp_path / "jobs", ["1", "3", "5"])
    for number in range(6):
        even.add("ann", str(number), "segment", {})
    claimed = [one[0].subject for _ in range(4) if (one := odd.claim()) is not None]
    assert claimed == ["1", "3", "5"]
    assert len([1 for _ in range(4) if even.claim() is not None]) == 3
