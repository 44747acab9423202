"""When a series becomes a job, and that the same images never become two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests.node.conftest import header

from afunet.jobs.job import Job, State
from afunet.jobs.ledger import Ledger
from afunet.node.config import NodeConfig, Peer
from afunet.node.home import Home
from afunet.node.images import Images
from afunet.node.outbox import Delivery, Outbox
from afunet.node.planning import OWNER, Planner, Settings
from afunet.node.work import Post

SETTINGS = Settings({}, "weights", "1")
RESULT = {"file": "a.dcm", "uid": "1.9", "kind": "1.8", "syntax": "1.7", "sha256": "00"}


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    ledger = Ledger(home.ledger)
    yield ledger
    ledger.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def planner(config: NodeConfig, images: Images, ledger: Ledger, clock: Clock) -> Planner:
    return Planner(config, images, ledger, SETTINGS, lambda *_: None, clock)


def came(images: Images, *numbers: int, **others: object) -> None:
    for number in numbers:
        images.keep(header(number, **others), b"%d" % number)


def after(planner: Planner, clock: Clock, seconds: float) -> int:
    planner.plan()
    clock.now += seconds
    return planner.plan()


def jobs(ledger: Ledger) -> list[Job]:
    return ledger.jobs(OWNER)


def test_a_series_waits_until_it_has_been_quiet(
    images: Images, planner: Planner, ledger: Ledger, clock: Clock
) -> None:
    came(images, 1, 2)
    assert after(planner, clock, 9) == 0
    came(images, 3)
    assert after(planner, clock, 9) == 0
    assert after(planner, clock, 1) == 1
    (job,) = jobs(ledger)
    assert job.request["images"] == 3
    assert after(planner, clock, 60) == 0


def test_late_images_make_a_new_version_and_the_old_one_is_not_begun(
    images: Images, planner: Planner, ledger: Ledger, clock: Clock
) -> None:
    came(images, 1, 2)
    after(planner, clock, 10)
    came(images, 3)
    assert after(planner, clock, 10) == 1
    first, second = jobs(ledger)
    assert (first.state, second.state) == (State.CANCELLED, State.QUEUED)
    assert first.id != second.id
    came(images, 3, 1)
    assert after(planner, clock, 60) == 0


def test_a_planner_that_is_killed_between_two_steps_makes_no_second_job(
    images: Images, planner: Planner, ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    came(images, 1, 2)
    with monkeypatch.context() as patched:
        patched.setattr(Images, "settle", lambda *_: False)
        after(planner, clock, 10)
    assert images.open_series()
    planner.plan()
    assert len(jobs(ledger)) == 1
    assert images.open_series() == []


def test_the_name_of_a_job_depends_on_images_options_weights_and_version() -> None:
    names = {
        SETTINGS.job_of(["1", "2"]),
        SETTINGS.job_of(["1"]),
        replace(SETTINGS, options={"fast": True}).job_of(["1", "2"]),
        replace(SETTINGS, weights_sha256="other").job_of(["1", "2"]),
        replace(SETTINGS, version="2").job_of(["1", "2"]),
    }
    assert len(names) == 5
    assert SETTINGS.job_of(["2", "1"]) in names


@pytest.mark.parametrize(
    "others", [{"modality": "MR"}, {"description": "skull"}, {"series": "1.9", "slices": 0}]
)
def test_what_no_rule_takes_becomes_no_job(
    images: Images, planner: Planner, ledger: Ledger, clock: Clock, others: dict[str, object]
) -> None:
    came(images, 1, 2, **others)
    assert after(planner, clock, 60) == 0
    assert jobs(ledger) == []
    assert images.open_series() == []


def test_the_slices_of_an_enhanced_image_count(
    images: Images, planner: Planner, clock: Clock
) -> None:
    came(images, 1, slices=2)
    assert after(planner, clock, 10) == 1


def test_a_series_waits_for_as_many_images_as_its_peer_has(
    config: NodeConfig, images: Images, ledger: Ledger, clock: Clock
) -> None:
    answers: list[int | None] = [None, 3, 3]
    rule = replace(config.rules[0], counted_by="pacs")
    pacs = Peer("pacs", "PACS", "127.0.0.1", 104)
    counted = replace(config, rules=(rule,), peers=(pacs,))
    planner = Planner(counted, images, ledger, SETTINGS, lambda *_: answers.pop(0), clock)
    came(images, 1, 2)
    assert after(planner, clock, 10) == 0  # the peer did not answer
    assert after(planner, clock, 29) == 0
    assert len(answers) == 2  # and is left alone
    assert after(planner, clock, 1) == 0  # it has one more
    came(images, 3)
    assert after(planner, clock, 40) == 1


def test_results_are_posted_once_whenever_the_post_is_killed(
    ledger: Ledger, outbox: Outbox, images: Images, planner: Planner, clock: Clock
) -> None:
    came(images, 1, 2)
    after(planner, clock, 10)
    post = Post(ledger, outbox, ("one", "two"))
    post.carry()
    assert outbox.due("one", Delivery.WAITING) == []
    _, lease = ledger.claim() or pytest.fail("no job")
    ledger.finish(lease, {"results": [RESULT], "not_written": []})
    before = outbox.last_event()
    post.carry()
    (parcel,) = outbox.due("one", Delivery.WAITING)
    outbox.stored(parcel, ask=False)
    with outbox.database.writing() as base:  # as if the last steps had been lost
        base.execute("UPDATE cursors SET event = ?", (before,))
    Post(ledger, outbox, ("one", "two")).carry()
    assert outbox.due("one", Delivery.WAITING) == []
    assert len(outbox.due("two", Delivery.WAITING)) == 1
