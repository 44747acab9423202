"""Run a batch: queue what is not done yet, let workers do it, write the tables."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from afunet.batch.orders import Settings
from afunet.batch.resources import WorkerPlan
from afunet.batch.subjects import (
    LOOKING,
    WHOLE,
    Part,
    Subject,
    key_of,
    named_subjects,
    scans_in,
)
from afunet.batch.tasks import MOST_BYTES, SEGMENT
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import Job, State
from afunet.jobs.worker import Worker
from afunet.models.cores import VARIABLE
from afunet.plan import Step
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.segment import SegmentOptions
from afunet.workflows.staging import check_writable

OWNER, TASKS, JOBS = "batch", "afunet.batch.tasks", ".afunet-jobs"
SEGMENTING = "segmenting"
PLAN = (Step(LOOKING), Step(SEGMENTING, share=1))
PAUSE_S = 0.5
LEASE_S, RENEW_S = 60.0, 10.0
"""A thousand workers that renew each second would keep a file server busy with nothing else."""


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

    def run(self, plan: WorkerPlan, watch: Watch, ended: Callable[[Job], None]) -> None:
        """Work until every scan has ended, here or elsewhere; tell `ended` of each.

        Raises `Cancelled`; the scans at hand then go back into the queue.
        """
        waiting = set(self.jobs)
        with self._workers(plan):
            while waiting:
                watch.check()
                over = list(self._over(waiting))
                for job in over:
                    ended(job)
                    waiting.discard(job.subject)
                watch.tell(SEGMENTING, len(self.jobs) - len(waiting), len(self.jobs))
                if not over and waiting:
                    time.sleep(PAUSE_S)

    def _over(self, waiting: set[str]) -> Iterator[Job]:
        for folder in sorted(waiting):
            if self.ledger.is_over(folder, self.jobs[folder]):
                yield self.ledger.job_of(folder, self.jobs[folder])

    @contextmanager
    def _workers(self, plan: WorkerPlan) -> Iterator[None]:
        environment = {VARIABLE: str(plan.threads), MOST_BYTES: str(plan.bytes)}
        workers = [
            Worker(
                self.ledger,
                TASKS,
                LEASE_S,
                environment=environment,
                keeps_process=True,
                renew_s=RENEW_S,
                tells=False,
            )
            for _ in range(plan.workers)
        ]
        try:
            for worker in workers:
                worker.start()
            yield
        finally:
            for worker in workers:
                worker.ask_to_stop()
            for worker in workers:
                worker.stop()


def batch_of(
    given: Sequence[Path],
    output: Path,
    options: SegmentOptions,
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
    mine = [subject.folder for subject in subjects]
    random.shuffle(mine)  # many that begin alike would meet at every case
    ledger = FolderLedger(output / JOBS / "jobs", mine)
    batch = Batch(output, subjects, ledger)
    batch.plan(Settings.of(options), watch)
    return batch
