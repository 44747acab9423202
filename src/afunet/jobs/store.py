"""What a place that keeps jobs can do. `Ledger` is one for a host, `FolderLedger` for several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from afunet.jobs.job import Failure, Job, Progress, State

MOST_TRIES = 3
LEASE_S = 30.0
LOST = Failure("WORKER_LOST", f"{MOST_TRIES} workers ended before their work was done: try again")


class JobStore(Protocol):
    """Jobs that outlive every program.

    A worker that claims a job holds a lease, which it renews. A job whose lease has run out is
    claimed again, until `MOST_TRIES` workers have begun it. Whatever a method changed is on the
    disk when it returns. Methods that take a lease return False or None if it was lost.
    """

    def add(
        self,
        owner: str,
        subject: str,
        kind: str,
        request: Mapping[str, Any],
        job: str | None = None,
    ) -> Job:
        """Put a job into the queue; a job whose id is known already is returned as it is."""

    def job(self, job: str) -> Job:
        """Return a job; raises `KeyError` if there is none with this id."""

    def jobs(self, owner: str, subject: str | None = None) -> list[Job]:
        """Return the owner's jobs, of one subject or of all, the oldest first."""

    def claim(self, lease_s: float = LEASE_S) -> tuple[Job, str] | None:
        """Take a job for `lease_s` seconds; return it and the lease, None without a job."""

    def renew(self, lease: str, lease_s: float = LEASE_S) -> Job | None:
        """Keep a lease for `lease_s` more seconds; return its job."""

    def tell(self, lease: str, progress: Progress) -> bool:
        """Note how far the job of a lease is."""

    def finish(self, lease: str, answer: Mapping[str, Any] | None = None) -> bool:
        """End the job of a lease with success; keep what its task answered."""

    def fail(self, lease: str, failure: Failure) -> bool:
        """End the job of a lease with a failure."""

    def stopped(self, lease: str) -> bool:
        """End the job of a lease as cancelled."""

    def give_back(self, lease: str, *, counts: bool) -> bool:
        """Return the job of a lease to the queue; `counts` says whether this was a try."""

    def cancel(self, job: str) -> State:
        """Cancel a waiting job, or ask the worker of a running one to stop; return its state."""

    def again(self, job: str) -> Job:
        """Queue a failed or cancelled job once more, as if it had never been tried."""
