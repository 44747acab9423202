"""The outbox: each result for each peer once, from its making until the peer has it.

A row goes from waiting to delivered, by stored if the peer is asked for commitment. It comes into
being after the end of its job: rows are made from the ledger's events, and the number of the last
event is in the same transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from afunet.jobs.job import Event
from afunet.node.database import Database

FIRST_WAIT_S, LONGEST_WAIT_S, FURTHEST_S = 10.0, 3600.0, 90000.0
DONE_EVENTS = "results"
COLUMNS = "number, job, peer, file, uid, kind, syntax, sha256, tries, posted, state, asked"


class Delivery(StrEnum):
    """Where a result is. `STORED`: the peer has it and was, or will be, asked for commitment."""

    WAITING = "waiting"
    STORED = "stored"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """A DICOM file that a job made: its name in the job's folder, UIDs and SHA-256."""

    file: str
    uid: str
    kind: str
    syntax: str
    sha256: str


@dataclass(frozen=True)
class Parcel:
    """A result on its way to a peer. `asked` is the transaction that asked for commitment."""

    number: int
    job: str
    peer: str
    result: Result
    tries: int
    posted: float
    state: Delivery
    asked: str | None


@dataclass(frozen=True, eq=False)
class Outbox:
    """All parcels of a node. `retry_s` is the wait after a first refusal; it doubles each time."""

    database: Database
    retry_s: float = FIRST_WAIT_S
    most_tries: int = 20
    clock: Callable[[], float] = time.time

    def last_event(self) -> int:
        """Return the number of the last event of the ledger whose results are here."""
        with self.database.reading() as base:
            row = base.execute(
                "SELECT event FROM cursors WHERE name = ?", (DONE_EVENTS,)
            ).fetchone()
        return row[0] if row else 0

    def post(self, event: Event, results: Sequence[Result], peers: Sequence[str]) -> None:
        """Address the results of a job that ended to peers, once; note that its end was seen."""
        now = self.clock()
        with self.database.writing() as base:
            base.executemany(
                "INSERT OR IGNORE INTO outbox (job, series, peer, file, uid, kind, syntax, sha256,"
                " state, posted, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (event.job, event.subject, peer, *astuple(one), Delivery.WAITING, now, now)
                    for peer in peers
                    for one in results
                ],
            )
            base.execute(
                "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET"
                " event = excluded.event",
                (DONE_EVENTS, event.number),
            )

    def due(self, peer: str, state: Delivery, most: int = 100) -> list[Parcel]:
        """Return the oldest parcels of a peer whose time has come.

        A time that is further away than any wait was set by a clock that has since been set back.
        """
        now = self.clock()
        with self.database.reading() as base:
            rows = base.execute(
                f"SELECT {COLUMNS} FROM outbox WHERE peer = ? AND state = ?"
                " AND (due <= ? OR due > ?) ORDER BY number LIMIT ?",
                (peer, state, now, now + FURTHEST_S, most),
            ).fetchall()
        return [_parcel(row) for row in rows]

    def stored(self, parcel: Parcel, *, ask: bool) -> None:
        """Note that the peer has a result; with `ask`, commitment is still to be asked for."""
        self._set(parcel.number, Delivery.STORED if ask else Delivery.DELIVERED, due=self.clock())

    def refused(self, parcel: Parcel, code: str, *, forever: bool = False) -> None:
        """Note that the peer refused a result; it is sent again later, `most_tries` times."""
        tries = parcel.tries + 1
        if forever or tries >= self.most_tries:
            self._set(parcel.number, Delivery.FAILED, code=code, tries=tries)
            return
        wait_s = min(self.retry_s * 2.0 ** (tries - 1), LONGEST_WAIT_S)
        self._set(
            parcel.number, Delivery.WAITING, due=self.clock() + wait_s, code=code, tries=tries
        )

    def asking(self, parcels: Sequence[Parcel], transaction: str, wait_s: float) -> None:
        """Note, before it is sent, the transaction that asks for commitment of parcels."""
        with self.database.writing() as base:
            base.executemany(
                "UPDATE outbox SET asked = ?, due = ? WHERE number = ? AND state = ?",
                [
                    (transaction, self.clock() + wait_s, one.number, Delivery.STORED)
                    for one in parcels
                ],
            )

    def not_asked(self, transaction: str, code: str) -> None:
        """Note that a request for commitment did not reach the peer; it is made again later."""
        with self.database.writing() as base:
            base.execute(
                "UPDATE outbox SET asked = NULL, due = ?, code = ? WHERE asked = ? AND state = ?",
                (self.clock() + self.retry_s, code, transaction, Delivery.STORED),
            )

    def answered(self, transaction: str, kept: Collection[str], lost: Mapping[str, str]) -> int:
        """Note which results a peer took responsibility for, and which not, with codes by UID.

        Return how many parcels that concerns: none for a transaction that is not the last one.
        """
        with self.database.reading() as base:
            rows = base.execute(
                f"SELECT {COLUMNS} FROM outbox WHERE asked = ? AND state = ?",
                (transaction, Delivery.STORED),
            ).fetchall()
        parcels = [_parcel(row) for row in rows]
        for parcel in parcels:
            if parcel.result.uid in lost:
                self.refused(parcel, lost[parcel.result.uid])
            elif parcel.result.uid in kept:
                self._set(parcel.number, Delivery.DELIVERED)
        return len(parcels)

    def send_again(self) -> int:
        """Let all failed parcels be sent again; return how many there are."""
        with self.database.writing() as base:
            done = base.execute(
                "UPDATE outbox SET state = ?, tries = 0, due = ? WHERE state = ?",
                (Delivery.WAITING, self.clock(), Delivery.FAILED),
            )
        return done.rowcount

    def _set(
        self,
        number: int,
        state: Delivery,
        *,
        due: float = 0.0,
        code: str = "",
        tries: int | None = None,
    ) -> None:
        with self.database.writing() as base:
            base.execute(
                "UPDATE outbox SET state = ?, due = ?, code = ?, asked = NULL,"
                " tries = coalesce(?, tries) WHERE number = ? AND state != ?",
                (state, due, code, tries, number, Delivery.DELIVERED),
            )


def _parcel(row: sqlite3.Row) -> Parcel:
    number, job, peer, *result, tries, posted, state, asked = row
    return Parcel(number, job, peer, Result(*result), tries, posted, Delivery(state), asked)
