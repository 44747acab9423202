"""How a node stands: counts, the oldest that waits, failures by code. Nothing names a patient."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from afunet.jobs.ledger import Ledger
from afunet.node.database import Database
from afunet.node.home import Home
from afunet.node.outbox import Delivery
from afunet.node.planning import OWNER


@dataclass(frozen=True)
class Status:
    """What there is, by state; ages in seconds, None if nothing waits; failures by code."""

    images: int
    series: Mapping[str, int]
    jobs: Mapping[str, int]
    results: Mapping[str, int]
    oldest_series_s: float | None
    oldest_result_s: float | None
    failed_jobs: Mapping[str, int]
    failed_results: Mapping[str, int]
    free_bytes: int

    @property
    def plain(self) -> dict[str, Any]:
        """The status for JSON."""
        return asdict(self)

    @property
    def lines(self) -> list[str]:
        """The status for people, a line each."""
        return [
            f"images   {self.images}",
            f"series   {_counted(self.series)}{_age(self.oldest_series_s)}",
            f"jobs     {_counted(self.jobs)}{_codes(self.failed_jobs)}",
            f"results  {_counted(self.results)}{_codes(self.failed_results)}"
            f"{_age(self.oldest_result_s)}",
            f"disk     {self.free_bytes / 1e9:.1f} GB free",
        ]


def status_of(home: Home) -> Status:
    """Read the status; the node may run or not."""
    now, ledger, database = time.time(), Ledger(home.ledger), Database(home.database)
    try:
        jobs = ledger.counts(OWNER)
        with database.reading() as base:
            images = base.execute("SELECT count(*) FROM images").fetchone()[0]
            series = dict(base.execute("SELECT state, count(*) FROM series GROUP BY state"))
            results = dict(base.execute("SELECT state, count(*) FROM outbox GROUP BY state"))
            codes = base.execute(
                "SELECT code, count(*) FROM outbox WHERE state = ? GROUP BY code",
                (Delivery.FAILED,),
            ).fetchall()
            first = base.execute("SELECT min(first) FROM series WHERE state = 'open'").fetchone()[0]
            posted = base.execute(
                "SELECT min(posted) FROM outbox WHERE state IN (?, ?)",
                (Delivery.WAITING, Delivery.STORED),
            ).fetchone()[0]
    finally:
        ledger.close()
        database.close()
    by_state: dict[str, int] = {}
    for (state, _), count in jobs.items():
        by_state[state] = by_state.get(state, 0) + count
    return Status(
        images,
        series,
        by_state,
        results,
        oldest_series_s=_since(first, now),
        oldest_result_s=_since(posted, now),
        failed_jobs={code: count for (_, code), count in jobs.items() if code},
        failed_results=dict(codes),
        free_bytes=home.free_bytes,
    )


def _since(when: float | None, now: float) -> float | None:
    return None if when is None else max(0.0, round(now - when, 1))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"


def _codes(codes: Mapping[str, int]) -> str:
    return f" ({_counted(codes)})" if codes else ""


def _age(seconds: float | None) -> str:
    return "" if seconds is None else f"; the oldest waits for {seconds:.0f} s"
