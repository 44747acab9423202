"""Run a batch: queue what is not done yet, let workers do it, write the tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from afunet.batch.crew import LEDGER, Crew, Post
from afunet.batch.orders import Settings
from afunet.batch.subjects import (
    LOOKING,
    WHOLE,
    Part,
    Subject,
    key_of,
    named_subjects,
    scans_in,
)
from afunet.batch.tasks import SEGMENT
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import Failure, Job, State
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.staging import check_writable

OWNER, JOBS = "batch", ".afunet-jobs"
SEGMENTING = "segmenting"
PLAN = (Step(LOOKING), Step(SEGMENTING, share=1))
PAUSE_S = 0.5
LOOKS_A_SECOND = 1000
"""How often the file server is asked whether a case has ended."""


@dataclass(eq=False)
class Batch:
    """The subjects of this process and their jobs, in a results folder that hosts may share."""

    output: Path
    subjects: Sequence[Subject]
    ledger: FolderLedger
    jobs: dict[str, str] = field(default_factory=dict)
    """The job of each subject's folder."""

    @property
    def words(self) -> str:
        """How many scans there are, and how many of them are done already."""
        over = sum(self.ledger.is_over(folder, job) for folder, job in self.jobs.items())
        known = f", {over} of them done in an earlier run" if over else ""
        return f"{len(self.subjects)} scan{'s' if len(self.subjects) > 1 else ''}{known}"

    def plan(self, settings: Settings, watch: Watch = UNWATCHED) -> None:
        """Queue the work that is not known yet; what was queued with other options is dropped."""
        for subject in self.subjects:
            watch.check()
            order = settings.order_for(subject, self.output)
            for other in self.ledger.jobs(OWNER, subject.folder):
                if other.id != order.id and not other.state.is_final:
                    self.ledger.cancel(other.id)
            self.ledger.add(OWNER, subject.folder, SEGMENT, order.request, order.id)
            self.jobs[subject.folder] = order.id

    def retry_failed(self) -> int:
        """Queue what failed once more; return how many scans that are."""
        failed = [job for job in self.states() if job.state in (State.FAILED, State.CANCELLED)]
        for job in failed:
            self.ledger.again(job.id)
        return len(failed)

    def states(self) -> list[Job]:
        """Return the jobs of this process's subjects."""
        return [
            job
            for folder, wanted in self.jobs.items()
            for job in self.ledger.jobs(OWNER, folder)
            if job.id == wanted
        ]

    def post(self, settings: Settings) -> Post:
        """Return what a worker of this batch must know."""
        return Post((self.output / JOBS).absolute(), tuple(self.jobs), settings)

    def run(
        self,
        crew: AbstractContextManager[Crew],
        watch: Watch,
        ended: Callable[[Job], None],
        refused: Callable[[Failure], None] = lambda _: None,
    ) -> None:
        """Work until every scan has ended, here or elsewhere; tell `ended` of each.

        `refused` is told why a worker cannot work while others can. Raises `Cancelled`; the scans
        at hand then go back into the queue.
        """
        waiting = set(self.jobs)
        with crew as workers:
            while waiting:
                watch.check()
                for job in list(self._over(waiting)):
                    ended(job)
                    waiting.discard(job.subject)
                for failure in workers.tend(len(self.jobs) - len(waiting)):
                    refused(failure)
                watch.tell(SEGMENTING, len(self.jobs) - len(waiting), len(self.jobs))
                if waiting:
                    time.sleep(max(PAUSE_S, len(waiting) / LOOKS_A_SECOND))

    def _over(self, waiting: set[str]) -> Iterator[Job]:
        for folder in sorted(waiting):
            if self.ledger.is_over(folder, self.jobs[folder]):
                yield self.ledger.job_of(folder, self.jobs[folder])


def batch_of(
    given: Sequence[str | Path],
    output: Path,
    settings: Settings,
    part: Part = WHOLE,
    watch: Watch = UNWATCHED,
) -> Batch:
    """Find the scans of a part, and queue the work that is not done yet.

    Raises `InputError` for scans that cannot be found, and `OutputError` if nothing can be written
    to `output`.
    """
    check_writable(output)
    scans = scans_in(given, output)
    subjects = list(named_subjects(scans, key_of(output / JOBS), part, watch))
    ledger = FolderLedger(output / JOBS / LEDGER, [subject.folder for subject in subjects])
    batch = Batch(output, subjects, ledger)
    batch.plan(settings, watch)
    return batch
