"""Each result reaches each peer, is sent again as the same bytes, and is committed to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.node.conftest import free_port, header
from tests.refusals import refused

from afunet.errors import InputError
from afunet.jobs.job import Event, Failure, Progress, State
from afunet.jobs.ledger import Ledger
from afunet.node.commitment import FAILED, SUCCESS, reported, request_for
from afunet.node.config import NodeConfig, Peer
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.images import Images, SeriesState
from afunet.node.outbox import Delivery, Outbox, Parcel, Result
from afunet.node.planning import OWNER
from afunet.node.purge import purge
from afunet.node.retry import retry
from afunet.node.sender import Sender
from afunet.node.status import status_of
from afunet.node.web import Web

PEER = "pacs"


@dataclass
class Clock:
    now: float = 1e9

    def __call__(self) -> float:
        return self.now


def posted(outbox: Outbox, *uids: str, series: str = "s", event: int = 1) -> list[Parcel]:
    results = [Result(f"{uid}.dcm", uid, "1.8", "1.7", "00") for uid in uids]
    ended = Event(event, "job", series, "segment", State.DONE, Progress())
    outbox.post(ended, results, (PEER,))
    return outbox.due(PEER, Delivery.WAITING)


def states(outbox: Outbox) -> list[tuple[str, str]]:
    with outbox.database.reading() as base:
        return list(base.execute("SELECT state, code FROM outbox ORDER BY number"))


def test_a_refused_result_is_sent_again_later_and_given_up_at_last(database: Database) -> None:
    clock = Clock()
    outbox = Outbox(database, retry_s=10, most_tries=3, clock=clock)
    (parcel,) = posted(outbox, "1")
    for wait_s in (10, 20):
        outbox.refused(parcel, "STORE_REFUSED")
        clock.now += wait_s - 1
        assert outbox.due(PEER, Delivery.WAITING) == []
        clock.now += 1
        (parcel,) = outbox.due(PEER, Delivery.WAITING)
    outbox.refused(parcel, "STORE_REFUSED")
    assert states(outbox) == [(Delivery.FAILED, "STORE_REFUSED")]
    assert outbox.send_again() == 1
    assert outbox.due(PEER, Delivery.WAITING)[0].tries == 0


def answer(transaction: str, kept: list[str], lost: list[str]) -> object:
    def listed(uids: list[str]) -> list[Dataset]:
        items = [Dataset() for _ in uids]
        for item, uid in zip(items, uids, strict=True):
            item.ReferencedSOPInstanceUID = uid
        return items

    told = Dataset()
    told.TransactionUID = transaction
    told.ReferencedSOPSequence, told.FailedSOPSequence = listed(kept), listed(lost)

    class Told:
        event_information = told

    return Told()


def test_commitment_delivers_what_is_kept_and_sends_again_what_is_not(database: Database) -> None:
    clock = Clock()
    outbox = Outbox(database, retry_s=10, clock=clock)
    parcels = posted(outbox, "1", "2", "3")
    for parcel in parcels:
        outbox.stored(parcel, ask=True)
    assert len(request_for(parcels, "9.9").ReferencedSOPSequence) == 3
    outbox.asking(parcels, "9.9", wait_s=100)
    assert outbox.due(PEER, Delivery.STORED) == []
    assert reported(outbox, answer("8.8", ["1"], [])) == (SUCCESS, None)  # of no request of ours
    assert {state for state, _ in states(outbox)} == {Delivery.STORED}
    assert reported(outbox, answer("9.9", ["1"], ["2"])) == (SUCCESS, None)
    assert states(outbox) == [
        (Delivery.DELIVERED, ""),
        (Delivery.WAITING, "NOT_COMMITTED"),
        (Delivery.STORED, ""),
    ]
    clock.now += 100
    assert [one.result.uid for one in outbox.due(PEER, Delivery.STORED)] == ["3"]
    assert reported(outbox, object()) == (FAILED, None)


def test_an_answer_that_comes_late_still_counts_unless_it_was_asked_for_again(
    outbox: Outbox,
) -> None:
    (parcel,) = posted(outbox, "1")
    outbox.stored(parcel, ask=True)
    outbox.asking([parcel], "9.1", wait_s=0)
    outbox.asking([parcel], "9.2", wait_s=0)
    assert outbox.answered("9.1", {"1"}, {}) == 0
    assert outbox.answered("9.2", {"1"}, {}) == 1
    assert outbox.answered("9.2", {"1"}, {}) == 0


def test_a_file_that_was_changed_is_never_sent(
    config: NodeConfig, home: Home, outbox: Outbox
) -> None:
    posted(outbox, "1")
    (home.results / "job").mkdir()
    (home.results / "job" / "1.dcm").write_bytes(b"changed")
    peer = Peer(PEER, "PACS", "127.0.0.1", free_port())
    Sender(config, home, outbox).deliver(peer)
    assert states(outbox) == [(Delivery.FAILED, "RESULT_CHANGED")]


def test_a_peer_that_is_away_costs_no_try(
    config: NodeConfig, home: Home, outbox: Outbox, series: list[Path]
) -> None:
    (home.results / "job").mkdir()
    (home.results / "job" / "1.dcm").write_bytes(b"whole")
    whole = Result("1.dcm", "1", "1.2", "1.2.840.10008.1.2.1", hashlib.sha256(b"whole").hexdigest())
    outbox.post(Event(1, "job", "s", "segment", State.DONE, Progress()), [whole], (PEER,))
    for peer in (
        Peer(PEER, "PACS", "127.0.0.1", free_port()),
        Peer(PEER, web=f"http://127.0.0.1:{free_port()}"),
    ):
        (parcel,) = outbox.due(PEER, Delivery.WAITING)
        with refused(InputError, "PEER_UNREACHABLE", PEER):
            if peer.port:
                Sender(config, home, outbox).deliver(peer)
            else:
                Web(config, peer).store(pydicom.dcmread(series[0]), "1")
        assert parcel.tries == 0
    assert states(outbox) == [(Delivery.WAITING, "")]


@pytest.mark.parametrize(
    ("stored", "failed", "code"),
    [
        (["1"], [], ""),
        ([], [], "STORE_REFUSED"),
        (["1"], ["1"], "STORE_REFUSED"),
        (["2"], [], "STORE_REFUSED"),
    ],
)
def test_an_answer_of_success_counts_only_if_it_names_the_object(
    config: NodeConfig,
    monkeypatch: pytest.MonkeyPatch,
    stored: list[str],
    failed: list[str],
    code: str,
) -> None:
    told = answer("1", stored, failed).event_information  # type: ignore[attr-defined]

    class Client:
        def store_instances(self, datasets: object) -> Dataset:
            return told  # type: ignore[no-any-return]

    monkeypatch.setattr(Web, "client", Client())
    assert Web(config, Peer(PEER, web="http://x")).store(Dataset(), "1") == code


def ended_job(home: Home, images: Images, *, failed: bool = False) -> str:
    """A series with one image and its job, and the name of the series."""
    images.keep(header(1), b"one")
    (series,) = images.open_series()
    ledger = Ledger(home.ledger)
    ledger.add(OWNER, series.name, "segment", {}, "job")
    images.settle(series, SeriesState.PLANNED)
    _, lease = ledger.claim() or pytest.fail("no job")
    if failed:
        ledger.fail(lease, Failure("GAP_TOO_LARGE", "a gap"))
    else:
        ledger.finish(lease, {})
    ledger.close()
    (home.results / "job").mkdir()
    return series.name


def last_event(home: Home) -> int:
    ledger = Ledger(home.ledger)
    number = ledger.events(OWNER)[-1].number
    ledger.close()
    return number


def test_purge_takes_only_what_was_delivered(home: Home, images: Images, outbox: Outbox) -> None:
    name = ended_job(home, images)
    assert purge(home, -1).series == 0  # its results are not in the outbox yet
    (parcel,) = posted(outbox, "1", series=name, event=last_event(home))
    assert purge(home, -1).series == 0  # they wait
    outbox.stored(parcel, ask=False)
    assert purge(home, 3600).series == 0  # it is young
    orphan = home.images / name / "orphan.dcm"
    orphan.write_bytes(b"never acknowledged")
    removed = purge(home, -1)
    assert (removed.series, removed.images) == (1, 1)
    assert [path for path in home.images.rglob("*") if path.is_file()] == []
    assert list(home.results.iterdir()) == []
    found = status_of(home)
    assert (found.images, found.jobs, found.results) == (0, {}, {})
    assert images.keep(header(1), b"one")  # it may come again


def test_failures_are_counted_by_code_kept_and_tried_again(
    home: Home, images: Images, outbox: Outbox
) -> None:
    name = ended_job(home, images, failed=True)
    (parcel,) = posted(outbox, "1", series=name, event=last_event(home))
    outbox.refused(parcel, "STORE_REFUSED", forever=True)
    found = status_of(home)
    assert found.failed_jobs == {"GAP_TOO_LARGE": 1}
    assert found.failed_results == {"STORE_REFUSED": 1}
    assert len(found.lines) == 5
    assert purge(home, -1).series == 0
    again = retry(home)
    assert (again.jobs, again.results) == (1, 1)
    found = status_of(home)
    assert (found.jobs, found.results) == ({"queued": 1}, {"waiting": 1})


def test_a_wait_set_by_a_clock_that_was_set_back_ends(database: Database) -> None:
    clock = Clock()
    outbox = Outbox(database, clock=clock)
    (parcel,) = posted(outbox, "1")
    outbox.refused(parcel, "NO_ANSWER")
    clock.now -= 10 * 86400
    assert [replace(one, tries=0) for one in outbox.due(PEER, Delivery.WAITING)] == [parcel]
