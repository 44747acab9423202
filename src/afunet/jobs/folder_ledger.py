"""Jobs in a folder that several hosts share, on a network file system too.

Each subject has a folder of small files, which are created exclusively or replaced by a rename:

    <job>.job        what is to be done
    claim-<number>   who began a job of the subject: the highest number holds it
    over-<number>    that this claim ended, and whether it counts as a try
    <job>.end        how the job ended

A claim is renewed by its time of change. Nobody removes a claim: who finds that it has run out
creates the next number, and the file system lets one of them do so. Times are those of the file
system, so the clocks of hosts need not agree. A claim of a process that ended on this host has run
out at once.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from afunet.jobs.folder_files import FileClock, ServersClock, replaced
from afunet.jobs.folder_look import (
    CANCEL,
    CLAIM,
    END,
    JOB,
    OVER,
    PROGRESS,
    Claim,
    Look,
    end_job,
)
from afunet.jobs.job import Failure, Job, Progress, State
from afunet.jobs.store import LEASE_S, LOST, MOST_TRIES
from afunet.jobs.whereabouts import Whereabouts

MOST_LOOKS = 200


@dataclass(eq=False)
class FolderLedger:
    """All jobs below a folder, for any number of processes on any number of hosts.

    `subjects` are those of which jobs are claimed here, in this order; None are all, by name. Many
    processes seldom meet if each has another order.
    """

    folder: Path
    subjects: Sequence[str] | None = None
    given_clock: FileClock | None = None
    _finished: set[str] = field(default_factory=set, init=False, repr=False)
    _round: deque[Path] = field(default_factory=deque, init=False, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def clock(self) -> FileClock:
        """The clock of the files: the file system's own, unless another was given."""
        return self.given_clock or ServersClock(self.folder)

    def add(
        self,
        owner: str,
        subject: str,
        kind: str,
        request: Mapping[str, Any],
        job: str | None = None,
    ) -> Job:
        """Put a job into the queue; a job whose id is known already is returned as it is."""
        name, place = job or secrets.token_hex(8), self._place(subject)
        place.mkdir(exist_ok=True)
        known = Look.at(place)
        if name not in known.jobs:
            content = {
                "owner": owner,
                "kind": kind,
                "request": request,
                "created": self.clock.now(),
                "place": len(known.jobs),
            }
            replaced(place / f"{name}{JOB}", content)
            known = Look.at(place)
        self._finished.discard(place.name)
        return known.job(name)

    def job(self, job: str) -> Job:
        """Return a job; raises `KeyError` if there is none with this id."""
        return self._look_for(job).job(job)

    def job_of(self, subject: str, job: str) -> Job:
        """Return a job of a known subject, without searching for it."""
        return Look.at(self._place(subject)).job(job)

    def is_over(self, subject: str, job: str) -> bool:
        """Return whether a job has ended, by one look at the file system."""
        return (self._place(subject) / f"{job}{END}").exists()

    def jobs(self, owner: str, subject: str | None = None) -> list[Job]:
        """Return the owner's jobs, of one subject or of all, the oldest first."""
        looks = map(Look.at, self._places() if subject is None else [self._place(subject)])
        found = [look.job(name) for look in looks for name in look.jobs]
        return sorted((job for job in found if job.owner == owner), key=lambda job: job.created)

    def claim(self, lease_s: float = LEASE_S) -> tuple[Job, str] | None:
        """Take a job for `lease_s` seconds; return it and the lease, None without a job.

        Subjects are looked at in rounds, each where the last look ended, so that those at which
        others work are not looked at again for every job; and at most `MOST_LOOKS` at a time, so
        that many idle processes leave the file system to the busy ones.
        """
        with self._one_at_a_time:
            self._round = self._round or self._next_round()
            now = self.clock.now() if self._round else 0.0
            for _ in range(min(MOST_LOOKS, len(self._round))):
                look = Look.at(self._round.popleft())
                job = self._next(look, now)
                if job and (lease := self._claimed(look, job, lease_s)):
                    return Look.at(look.place).job(job), lease
        return None

    def renew(self, lease: str, lease_s: float = LEASE_S) -> Job | None:
        """Keep a lease for as long as it was given; return its job, None if it was lost."""
        if (held := self._held(lease)) is None:
            return None
        look, claim = held
        with suppress(OSError):
            self.clock.touch(look.place / f"{CLAIM}{claim.number}")
        return look.job(claim.job)

    def tell(self, lease: str, progress: Progress) -> bool:
        """Note how far the job of a lease is; return False if the lease was lost."""
        if (held := self._held(lease)) is None:
            return False
        look, claim = held
        replaced(look.place / f"{claim.job}{PROGRESS}", asdict(progress), durable=False)
        return True

    def finish(self, lease: str, answer: Mapping[str, Any] | None = None) -> bool:
        """End the job of a lease with success; return False if the lease was lost."""
        return self._ended(lease, State.DONE, answer=answer)

    def fail(self, lease: str, failure: Failure) -> bool:
        """End the job of a lease with a failure; return False if the lease was lost."""
        return self._ended(lease, State.FAILED, failure)

    def stopped(self, lease: str) -> bool:
        """End the job of a lease as cancelled; return False if the lease was lost."""
        return self._ended(lease, State.CANCELLED)

    def give_back(self, lease: str, *, counts: bool) -> bool:
        """Return the job of a lease to the queue; `counts` says whether this was a try."""
        if (held := self._held(lease)) is None:
            return False
        look, claim = held
        replaced(look.place / f"{OVER}{claim.number}", {"counts": counts})
        return True

    def cancel(self, job: str) -> State:
        """Cancel a waiting job, or ask the worker of a running one to stop; return its state."""
        look = self._look_for(job)
        state = look.job(job).state
        if state is State.QUEUED:
            end_job(look.place, job, State.CANCELLED)
        elif not state.is_final:
            replaced(look.place / f"{job}{CANCEL}", {})
        return Look.at(look.place).job(job).state

    def again(self, job: str) -> Job:
        """Queue a failed or cancelled job once more, as if it had never been tried."""
        look = self._look_for(job)
        if look.job(job).state in (State.FAILED, State.CANCELLED):
            for claim in look.claims:
                if claim.job == job:
                    replaced(look.place / f"{OVER}{claim.number}", {"counts": False})
            for kind in (CANCEL, PROGRESS, END):
                (look.place / f"{job}{kind}").unlink(missing_ok=True)
            self._finished.discard(look.place.name)
        return Look.at(look.place).job(job)

    def _place(self, subject: str) -> Path:
        return self.folder / quote(subject, safe=" ").replace(".", "%2E")

    def _places(self) -> Iterator[Path]:
        if self.subjects is not None:
            return map(self._place, self.subjects)
        with os.scandir(self.folder) as entries:
            names = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
        return (self.folder / name for name in names)

    def _next_round(self) -> deque[Path]:
        return deque(place for place in self._places() if place.name not in self._finished)

    def _look_for(self, job: str) -> Look:
        for place in self._places():
            if (place / f"{job}{JOB}").is_file():
                return Look.at(place)
        raise KeyError(job)

    def _next(self, look: Look, now: float) -> str | None:
        """Return the subject's oldest job that nobody works at; end those that may not run."""
        if not look.open_jobs:
            self._finished.add(look.place.name)
            return None
        if look.claims and self._is_live(look, look.claims[-1], now):
            return None
        for job in map(look.job, look.open_jobs):
            if job.wants_cancel:
                end_job(look.place, job.id, State.CANCELLED)
            elif job.tries >= MOST_TRIES:
                end_job(look.place, job.id, State.FAILED, LOST)
            else:
                return job.id
        return None

    def _claimed(self, look: Look, job: str, lease_s: float) -> str | None:
        """Create the claim that follows those that were seen; None if another process was first."""
        number = look.next_claim
        lease = f"{look.place.name}/{number}/{secrets.token_hex(8)}"
        path = look.place / f"{CLAIM}{number}"
        by = asdict(Whereabouts.here())
        content = {"job": job, "lease": lease, "lease_s": lease_s, "by": by}
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return None
        with os.fdopen(file, "wb") as claim:
            claim.write(json.dumps(content).encode())
            claim.flush()
            os.fsync(claim.fileno())
        self.clock.touch(path)
        if f"{job}{PROGRESS}" in look.names:
            (look.place / f"{job}{PROGRESS}").unlink(missing_ok=True)
        return lease

    def _held(self, lease: str) -> tuple[Look, Claim] | None:
        """Return folder and claim of a lease, None if it ended or another claim followed."""
        look = Look.at(self.folder / lease.split("/")[0])
        if not look.claims or look.claims[-1].lease != lease:
            return None
        claim = look.claims[-1]
        return None if claim.is_over else (look, claim)

    def _is_live(self, look: Look, claim: Claim, now: float) -> bool:
        if claim.is_over or (claim.by is not None and claim.by.has_ended):
            return False
        renewed = (look.place / f"{CLAIM}{claim.number}").stat().st_mtime
        return abs(now - renewed) < claim.lease_s  # far ahead, if the clock was set back

    def _ended(
        self,
        lease: str,
        state: State,
        failure: Failure | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> bool:
        if (held := self._held(lease)) is None:
            return False
        look, claim = held
        end_job(look.place, claim.job, state, failure, answer)
        replaced(look.place / f"{OVER}{claim.number}", {"counts": True})
        return True
