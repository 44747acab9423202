"""Workers that claim the jobs of a batch by themselves, on this host or on a cluster."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from afunet.batch.orders import Settings
from afunet.batch.resources import WorkerPlan
from afunet.batch.tasks import MOST_BYTES
from afunet.jobs.folder_ledger import FolderLedger
from afunet.jobs.job import Failure
from afunet.jobs.worker import Worker
from afunet.models.cores import VARIABLE

TASKS, LEDGER = "afunet.batch.tasks", "jobs"
LEASE_S, RENEW_S = 60.0, 10.0
"""A thousand workers that renew each second would keep a file server busy with nothing else."""


@dataclass(frozen=True)
class Post:
    """What a worker must know: the folder of the jobs, whose jobs to claim, and the settings."""

    jobs: Path
    subjects: Sequence[str]
    settings: Settings

    def ledger(self) -> FolderLedger:
        """Return the jobs, in an order of its own: workers that begin alike would often meet."""
        return FolderLedger(self.jobs / LEDGER, random.sample(self.subjects, len(self.subjects)))


class Crew(Protocol):
    """The workers of a batch, while they work."""

    def tend(self, ended: int) -> Sequence[Failure]:
        """Replace workers that were lost; `ended` cases are over so far.

        Return why a worker cannot work, each reason once. Raises `AfunetError` if none can.
        """


class Site(Protocol):
    """Where workers can work, and how many."""

    @property
    def plan(self) -> WorkerPlan:
        """The workers that there is room for."""

    def crew(self, post: Post) -> AbstractContextManager[Crew]:
        """Let the workers work until the context ends; cases at hand then go back."""


@dataclass(frozen=True)
class ThisHost:
    """Workers that are threads of this process, each with a process for its scans."""

    plan: WorkerPlan

    @contextmanager
    def crew(self, post: Post) -> Iterator[Crew]:
        """Let the workers work until the context ends; cases at hand then go back."""
        ledger = post.ledger()
        workers = [worker_of(ledger, self.plan) for _ in range(self.plan.workers)]
        try:
            for worker in workers:
                worker.start()
            yield _Threads()
        finally:
            for worker in workers:
                worker.ask_to_stop()
            for worker in workers:
                worker.stop()


class _Threads:
    """Threads end with this process, so there is nothing to replace."""

    def tend(self, ended: int) -> Sequence[Failure]:
        """Return nothing."""
        return ()


def worker_of(ledger: FolderLedger, plan: WorkerPlan) -> Worker:
    """Return a worker of a batch, the same on every host."""
    return Worker(
        ledger,
        TASKS,
        LEASE_S,
        environment={VARIABLE: str(plan.threads), MOST_BYTES: str(plan.bytes)},
        keeps_process=True,
        renew_s=RENEW_S,
        tells=False,
    )
