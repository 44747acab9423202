"""The end of a run of a batch: its tables, its page, and what to print."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from afunet.batch.page import render_batch
from afunet.batch.run import JOBS, OWNER, Batch
from afunet.batch.tables import tables_of, write_tables
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import State
from afunet.whole_file import whole_file

PAGE = "batch.html"


@dataclass(frozen=True)
class BatchResult:
    """How many cases of a results folder are in each state, and the files about all of them."""

    done: int
    failed: int
    waiting: int
    incomplete: int
    files: tuple[Path, ...]

    @property
    def lines(self) -> list[str]:
        """What was done, and the files, a line each."""
        counts = [
            f"{self.done} done",
            f"{self.failed} failed" if self.failed else "",
            f"{self.incomplete} with results missing" if self.incomplete else "",
            f"{self.waiting} waiting" if self.waiting else "",
        ]
        return [", ".join(filter(None, counts)), *(f"  {path}" for path in self.files)]


def finish(batch: Batch) -> BatchResult:
    """Write the tables and the page of all cases in the results folder, of all parts and runs."""
    everything = FolderLedger(batch.output / JOBS / "jobs")
    latest = {job.subject: job for job in everything.jobs(OWNER)}  # the newest of each case
    tables = tables_of(latest.values(), batch.output)
    files = write_tables(tables, batch.output)
    with whole_file(batch.output / PAGE) as unfinished:
        unfinished.write_text(render_batch(tables), encoding="utf-8")
    states = Counter(job.state for job in latest.values())
    return BatchResult(
        states[State.DONE],
        states[State.FAILED],
        states[State.QUEUED] + states[State.RUNNING],
        sum(bool(job.answer.get("not_written")) for job in latest.values()),
        (*files, batch.output / PAGE),
    )
