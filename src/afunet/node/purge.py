"""Remove what is done: images and results of series at which nothing waits or works any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from afunet.jobs.job import State
from afunet.jobs.ledger import Ledger
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.images import SeriesState
from afunet.node.outbox import Delivery, Outbox
from afunet.node.planning import OWNER


@dataclass(frozen=True)
class Purged:
    """How many series and images were removed."""

    series: int
    images: int


def purge(home: Home, older_s: float) -> Purged:
    """Remove series that got no image for `older_s` seconds and whose results were all delivered.

    Series that no rule takes, or that are too small, are removed too. Failed jobs and failed
    deliveries keep theirs: `retry` may want them. Images that come again are new ones.
    """
    before = time.time() - older_s
    ledger, database = Ledger(home.ledger), Database(home.database)
    images = series = 0
    try:
        for name in _old(database, before):
            removed = _forgotten(ledger, database, name, before)
            if removed is not None:
                _remove(home, name, removed)
                series, images = series + 1, images + len(removed)
        _remove_orphans(home, ledger, database, before)
    finally:
        ledger.close()
        database.close()
    return Purged(series, images)


def _old(database: Database, before: float) -> list[str]:
    with database.reading() as base:
        rows = base.execute(
            "SELECT name FROM series WHERE last < ? AND state != ?", (before, SeriesState.OPEN)
        ).fetchall()
    return [row[0] for row in rows]


def _forgotten(ledger: Ledger, database: Database, name: str, before: float) -> list[str] | None:
    """Forget a series, its jobs and its deliveries; return its files, None if anything waits.

    Meanwhile no image comes and no job is made, as both need a transaction. The jobs go first: if
    this process is killed, the series is still there for the next purge.
    """
    seen = Outbox(database).last_event()
    unseen = {event.job for event in ledger.events(OWNER, seen)}
    with database.writing() as base:
        jobs = ledger.jobs(OWNER, name)
        ended = all(job.state in (State.DONE, State.CANCELLED) for job in jobs)
        is_old = base.execute(
            "SELECT 1 FROM series WHERE name = ? AND last < ? AND state != ?",
            (name, before, SeriesState.OPEN),
        ).fetchone()
        waits = base.execute(
            "SELECT 1 FROM outbox WHERE series = ? AND state != ?", (name, Delivery.DELIVERED)
        ).fetchone()
        if not (ended and is_old) or waits or unseen & {job.id for job in jobs}:
            return None
        ledger.forget(OWNER, name)
        files = base.execute("SELECT file FROM images WHERE series = ?", (name,)).fetchall()
        base.execute("DELETE FROM images WHERE series = ?", (name,))
        base.execute("DELETE FROM outbox WHERE series = ?", (name,))
        base.execute("DELETE FROM series WHERE name = ?", (name,))
    return [row[0] for row in files]


def _remove(home: Home, name: str, files: Iterable[str]) -> None:
    """Remove images by their names: new ones may have come into the same folder."""
    for file in files:
        (home.images / name / file).unlink(missing_ok=True)
    with suppress(OSError):  # it is not empty
        (home.images / name).rmdir()


def _remove_orphans(home: Home, ledger: Ledger, database: Database, before: float) -> None:
    """Remove results without a job, and images that were never acknowledged."""
    with database.reading() as base:
        known = {row[0] for row in base.execute("SELECT file FROM images")}
    for path in home.images.glob("*/*"):
        if path.name not in known and _dated_before(path, before):
            path.unlink(missing_ok=True)
    jobs = {job.id for job in ledger.jobs(OWNER)}
    for path in home.results.iterdir():
        if path.name not in jobs:
            shutil.rmtree(path, ignore_errors=True)


def _dated_before(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False
