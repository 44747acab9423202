"""The ledger: what is queued is done once, whoever ends."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from afunet.jobs.job import Failure, Progress, State
from afunet.jobs.ledger import MOST_TRIES, Ledger


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Ledger:
    return Ledger(tmp_path / "jobs.sqlite", clock=clock)


def test_a_job_is_claimed_once_and_done(ledger: Ledger) -> None:
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
    job = Ledger(tmp_path / "jobs.sqlite").add("ann", "case1", "segment", {})
    again = Ledger(tmp_path / "jobs.sqlite")
    assert [one.id for one in again.jobs("ann")] == [job.id]


def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_changes_nothing(
    ledger: Ledger, clock: Clock
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
    ledger: Ledger, clock: Clock, jump_s: float
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


def test_a_worker_keeps_its_job_when_the_clock_is_set_back(ledger: Ledger, clock: Clock) -> None:
    clock.now = 1e9
    ledger.add("ann", "case1", "segment", {})
    claimed = ledger.claim(10)
    assert claimed is not None
    clock.now -= 3600
    assert ledger.renew(claimed[1], 10) is not None
    assert ledger.claim(10) is None
    assert ledger.finish(claimed[1])


def test_a_job_whose_workers_end_three_times_fails(ledger: Ledger, clock: Clock) -> None:
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


def test_a_stop_of_the_worker_is_no_try(ledger: Ledger) -> None:
    ledger.add("ann", "case1", "segment", {})
    for _ in range(2 * MOST_TRIES):
        claimed = ledger.claim()
        assert claimed is not None
        assert claimed[0].tries == 1
        assert ledger.give_back(claimed[1], counts=False)


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked(ledger: Ledger) -> None:
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


def test_a_cancelled_job_is_not_taken_over(ledger: Ledger, clock: Clock) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    assert ledger.claim(10) is not None
    ledger.cancel(job.id)
    clock.now += 11
    assert ledger.claim() is None
    assert ledger.job(job.id).state is State.CANCELLED


def test_jobs_of_one_subject_wait_for_each_other(ledger: Ledger) -> None:
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


def test_the_owner_with_fewer_running_jobs_comes_first(ledger: Ledger) -> None:
    for number in range(3):
        ledger.add("ann", f"a{number}", "segment", {})
    late = ledger.add("ben", "b", "segment", {})
    order = [claimed[0].owner for _ in range(4) if (claimed := ledger.claim()) is not None]
    assert order == ["ann", "ben", "ann", "ann"]
    assert ledger.job(late.id).state is State.RUNNING


def test_events_follow_a_number_and_tell_each_state_once(ledger: Ledger) -> None:
    job = ledger.add("ann", "case1", "segment", {})
    ledger.add("ben", "other", "segment", {})
    _, lease = ledger.claim() or pytest.fail("no job")
    for share in (0.1, 0.2, 0.3):
        ledger.tell(lease, Progress("predicting", share))
    ledger.finish(lease)
    events = ledger.events("ann")
    assert [(one.state, one.progress.share) for one in events] == [
        (State.QUEUED, None),
        (State.RUNNING, 0.3),
        (State.DONE, 0.3),
    ]
    assert {one.job for one in events} == {job.id}
    assert ledger.events("ann", events[-1].number) == []
    assert ledger.events("ann", events[0].number) == events[1:]


def test_a_number_of_an_event_is_never_used_again(ledger: Ledger) -> None:
    ledger.add("ann", "case1", "segment", {})
    last = ledger.events("ann")[-1].number
    ledger.forget("ann", "case1")
    assert ledger.jobs("ann") == []
    ledger.add("ann", "case1", "segment", {})
    assert ledger.events("ann")[0].number > last


def test_an_unknown_job_is_a_key_error(ledger: Ledger) -> None:
    with pytest.raises(KeyError):
        ledger.job("none")


def test_many_threads_claim_each_job_once(ledger: Ledger) -> None:
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
