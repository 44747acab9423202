"""The ledger of jobs: one SQLite file on a local disk, safe against the end of any process.

A worker that claims a job holds a lease, which it renews. A job whose lease has run out is claimed
again, until `MOST_TRIES` workers have begun it. Whatever a method changed is on the disk when it
returns (write-ahead log, synchronous FULL).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from afunet.jobs.job import Event, Failure, Job, Progress, State
from afunet.jobs.store import LEASE_S, LOST, MOST_TRIES

BUSY_S = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
  subject TEXT NOT NULL, kind TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,
  created REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, stage TEXT NOT NULL DEFAULT '',
  share REAL, left_s REAL, code TEXT, message TEXT, wants_cancel INTEGER NOT NULL DEFAULT 0,
  answer TEXT NOT NULL DEFAULT '{}', lease TEXT, lease_until REAL);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, subject);
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, job TEXT NOT NULL,
  subject TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL,
  share REAL, left_s REAL);
CREATE INDEX IF NOT EXISTS events_by_owner ON events (owner, number);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, state);
"""
# The oldest job of the owner with the fewest running ones, of a subject that nobody works at. A
# lease that ends later than any can was written before the clock was set back.
NEXT = """
SELECT number FROM jobs AS one
WHERE (state = 'queued' OR (state = 'running' AND lease_until NOT BETWEEN :now AND :latest))
  AND NOT EXISTS (SELECT 1 FROM jobs AS other
    WHERE other.owner = one.owner AND other.subject = one.subject
    AND other.state = 'running' AND other.lease_until BETWEEN :now AND :latest)
ORDER BY (SELECT count(*) FROM jobs AS other WHERE other.owner = one.owner
    AND other.state = 'running' AND other.lease_until BETWEEN :now AND :latest), number
LIMIT 1
"""


class Ledger:
    """All jobs and events of one file, for any number of threads and processes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        # The last connection to close would merge the log, which costs a sync of the disk.
        self._kept_open = self._connection()
        self._kept_open.execute("PRAGMA journal_mode = WAL")
        self._kept_open.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._kept_open.close()

    def add(
        self,
        owner: str,
        subject: str,
        kind: str,
        request: Mapping[str, Any],
        job: str | None = None,
    ) -> Job:
        """Put a job into the queue; a job whose id is known already is returned as it is."""
        name, now = job or secrets.token_urlsafe(12), self._clock()
        with self._writing() as base:
            added = base.execute(
                "INSERT OR IGNORE INTO jobs (id, owner, subject, kind, request, state, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (name, owner, subject, kind, json.dumps(request), State.QUEUED, now),
            )
            if added.rowcount:
                _announce(base, name)
        return self.job(name)

    def job(self, job: str) -> Job:
        """Return a job; raises `KeyError` if there is none with this id."""
        found = self._jobs("id = ?", (job,))
        if not found:
            raise KeyError(job)
        return found[0]

    def jobs(self, owner: str, subject: str | None = None) -> list[Job]:
        """Return the owner's jobs, of one subject or of all, in the order of their creation."""
        if subject is None:
            return self._jobs("owner = ?", (owner,))
        return self._jobs("owner = ? AND subject = ?", (owner, subject))

    def claim(self, lease_s: float = LEASE_S) -> tuple[Job, str] | None:
        """Take the next job for `lease_s` seconds; return it and the lease, None without a job."""
        lease, now = secrets.token_urlsafe(12), self._clock()
        with self._writing() as base:
            times = {"now": now, "latest": now + 2 * lease_s}
            while row := base.execute(NEXT, times).fetchone():
                job, tries, wants_cancel = base.execute(
                    "SELECT id, tries, wants_cancel FROM jobs WHERE number = ?", row
                ).fetchone()
                if wants_cancel or tries >= MOST_TRIES:
                    _end(base, job, State.CANCELLED if wants_cancel else State.FAILED, LOST)
                    continue
                base.execute(
                    "UPDATE jobs SET state = 'running', tries = tries + 1, lease = ?,"
                    " lease_until = ?, stage = '', share = NULL, left_s = NULL WHERE number = ?",
                    (lease, now + lease_s, *row),
                )
                _announce(base, job)
                break
            else:
                return None
        return self.job(job), lease

    def renew(self, lease: str, lease_s: float = LEASE_S) -> Job | None:
        """Keep a lease for `lease_s` more seconds; return its job, None if it was lost."""
        now = self._clock()
        with self._writing() as base:
            base.execute(
                "UPDATE jobs SET lease_until = ? WHERE lease = ? AND lease_until >= ?",
                (now + lease_s, lease, now),
            )
        found = self._jobs("lease = ? AND lease_until >= ?", (lease, now))
        return found[0] if found else None

    def tell(self, lease: str, progress: Progress) -> bool:
        """Note how far the job of a lease is; return False if the lease was lost."""
        with self._holding(lease) as (base, job):
            if job is None:
                return False
            base.execute(
                "UPDATE jobs SET stage = ?, share = ?, left_s = ? WHERE id = ?",
                (progress.stage, progress.share, progress.left_s, job),
            )
            _announce(base, job)
        return True

    def finish(self, lease: str, answer: Mapping[str, Any] | None = None) -> bool:
        """End the job of a lease with success; return False if the lease was lost."""
        with self._holding(lease) as (base, job):
            if job is None:
                return False
            base.execute("UPDATE jobs SET answer = ? WHERE id = ?", (json.dumps(answer or {}), job))
            _end(base, job, State.DONE)
        return True

    def fail(self, lease: str, failure: Failure) -> bool:
        """End the job of a lease with a failure; return False if the lease was lost."""
        return self._end(lease, State.FAILED, failure)

    def stopped(self, lease: str) -> bool:
        """End the job of a lease as cancelled; return False if the lease was lost."""
        return self._end(lease, State.CANCELLED)

    def give_back(self, lease: str, *, counts: bool) -> bool:
        """Return the job of a lease to the queue; `counts` says whether this was a try."""
        with self._holding(lease) as (base, job):
            if job is None:
                return False
            base.execute(
                "UPDATE jobs SET state = 'queued', lease = NULL, lease_until = NULL,"
                " tries = tries - ? WHERE id = ?",
                (0 if counts else 1, job),
            )
            _announce(base, job)
        return True

    def cancel(self, job: str) -> State:
        """Cancel a waiting job, or ask the worker of a running one to stop; return its state."""
        with self._writing() as base:
            base.execute(
                "UPDATE jobs SET wants_cancel = 1 WHERE id = ? AND state IN ('queued', 'running')",
                (job,),
            )
            waiting = base.execute(
                "SELECT 1 FROM jobs WHERE id = ? AND state = 'queued'", (job,)
            ).fetchone()
            if waiting:
                _end(base, job, State.CANCELLED)
        return self.job(job).state

    def again(self, job: str) -> Job:
        """Queue a failed or cancelled job once more, as if it had never been tried."""
        with self._writing() as base:
            revived = base.execute(
                "UPDATE jobs SET state = 'queued', tries = 0, wants_cancel = 0, code = NULL,"
                " message = NULL WHERE id = ? AND state IN ('failed', 'cancelled')",
                (job,),
            )
            if revived.rowcount:
                _announce(base, job)
        return self.job(job)

    def forget(self, owner: str, subject: str) -> None:
        """Remove all jobs and events of a subject."""
        with self._writing() as base:
            for table in ("jobs", "events"):
                base.execute(
                    f"DELETE FROM {table} WHERE owner = ? AND subject = ?",
                    (owner, subject),
                )

    def events(self, owner: str, after: int = 0) -> list[Event]:
        """Return the owner's events with a number above `after`, the last one of each state."""
        with closing(self._connection()) as base:
            rows = base.execute(
                "SELECT number, job, subject, kind, state, stage, share, left_s FROM events"
                " WHERE owner = ? AND number > ? ORDER BY number",
                (owner, after),
            ).fetchall()
        return [
            Event(number, job, subject, kind, State(state), Progress(*progress))
            for number, job, subject, kind, state, *progress in rows
        ]

    def _end(self, lease: str, state: State, failure: Failure | None = None) -> bool:
        with self._holding(lease) as (base, job):
            if job is None:
                return False
            _end(base, job, state, failure)
        return True

    @contextmanager
    def _holding(self, lease: str) -> Iterator[tuple[sqlite3.Connection, str | None]]:
        """Yield an open transaction and the job of a lease, None if the lease was lost."""
        with self._writing() as base:
            row = base.execute(
                "SELECT id FROM jobs WHERE lease = ? AND lease_until >= ?", (lease, self._clock())
            ).fetchone()
            yield base, row[0] if row else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connection()) as base:
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
            except BaseException:
                if base.in_transaction:  # a full disk ends it by itself
                    base.execute("ROLLBACK")
                raise
            base.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        base = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        base.execute("PRAGMA synchronous = FULL")
        return base

    def _jobs(self, where: str, values: Sequence[Any]) -> list[Job]:
        with closing(self._connection()) as base:
            rows = base.execute(
                "SELECT id, owner, subject, kind, request, state, created, tries, stage, share,"
                " left_s, code, message, wants_cancel, answer"
                f" FROM jobs WHERE {where} ORDER BY number",
                values,
            ).fetchall()
        return [_job(row) for row in rows]


def _job(row: Sequence[Any]) -> Job:
    job, owner, subject, kind, request, state, created, tries, *rest = row
    stage, share, left_s, code, message, wants_cancel, answer = rest
    return Job(
        job,
        owner,
        subject,
        kind,
        json.loads(request),
        State(state),
        created,
        tries,
        Progress(stage, share, left_s),
        None if code is None else Failure(code, message),
        bool(wants_cancel),
        json.loads(answer),
    )


def _end(base: sqlite3.Connection, job: str, state: State, failure: Failure | None = None) -> None:
    code, message = (failure.code, failure.message) if failure else (None, None)
    if state is not State.FAILED:
        code = message = None
    base.execute(
        "UPDATE jobs SET state = ?, code = ?, message = ?, lease = NULL, lease_until = NULL,"
        " left_s = NULL WHERE id = ?",
        (state, code, message, job),
    )
    _announce(base, job)


def _announce(base: sqlite3.Connection, job: str) -> None:
    """Add an event with the job's state; an older one of the same state says nothing any more."""
    base.execute(
        "DELETE FROM events WHERE job = ?1 AND state = (SELECT state FROM jobs WHERE id = ?1)",
        (job,),
    )
    base.execute(
        "INSERT INTO events (owner, job, subject, kind, state, stage, share, left_s)"
        " SELECT owner, id, subject, kind, state, stage, share, left_s FROM jobs WHERE id = ?",
        (job,),
    )
