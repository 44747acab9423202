"""Jobs in a folder that several hosts share, on a network file system too.

Each subject has a folder of small files, which are created exclusively or replaced by a rename:

    <job>.job        what is to be done
    claim-<number>   who began a job of the subject: the highest number holds it
    over-<number>    that this claim ended, and whether it counts as a try
    <job>.end        how the job ended

A claim is renewed by its time of change. Nobody removes a claim: who finds that it has run out
creates the next number, and the file system lets one of them do so. Times are those of the file
system, so the clocks of hosts need not agree.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from afunet.jobs.job import Failure, Job, Progress, State
from afunet.jobs.store import LEASE_S, LOST, MOST_TRIES

JOB, END, CANCEL, PROGRESS = ".job", ".end", ".cancel", ".progress"
CLAIM, OVER = "claim-", "over-"


class FileClock(Protocol):
    """The clock by which the files of a folder are dated."""

    def now(self) -> float:
        """Return the present time in seconds since 1970."""

    def touch(self, path: Path) -> None:
        """Date a file now."""


@dataclass(frozen=True)
class ServersClock:
    """The file system's own clock, read from a file of this process."""

    folder: Path
    name: str = field(default_factory=lambda: f".clock-{secrets.token_hex(8)}")

    def now(self) -> float:
        """Return the present time in seconds since 1970."""
        path = self.folder / self.name
        path.touch()
        os.utime(path)
        now = path.stat().st_mtime
        path.unlink(missing_ok=True)
        return now

    def touch(self, path: Path) -> None:
        """Date a file now."""
        os.utime(path)


@dataclass(frozen=True)
class Claim:
    """The claim of this number in a subject's folder: its job ("" while unknown) and its lease."""

    number: int
    job: str = ""
    lease: str = ""
    lease_s: float = LEASE_S
    is_over: bool = False
    counts: bool = True


@dataclass(eq=False)
class FolderLedger:
    """All jobs below a folder, for any number of processes on any number of hosts.

    `mine` says which subjects are claimed here.
    """

    folder: Path
    mine: Callable[[str], bool] = lambda subject: True
    given_clock: FileClock | None = None
    _finished: set[str] = field(default_factory=set, init=False, repr=False)

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
        content = {
            "owner": owner,
            "kind": kind,
            "request": request,
            "created": self.clock.now(),
            "place": len(_names(place)),
        }
        if not (place / f"{name}{JOB}").exists():
            _replaced(place / f"{name}{JOB}", content)
        self._finished.discard(place.name)
        return self._job(place, name)

    def job(self, job: str) -> Job:
        """Return a job; raises `KeyError` if there is none with this id."""
        return self._job(self._place_of(job), job)

    def job_of(self, subject: str, job: str) -> Job:
        """Return a job of a known subject, without searching for it."""
        return self._job(self._place(subject), job)

    def is_over(self, subject: str, job: str) -> bool:
        """Return whether a job has ended, by one look at the file system."""
        return (self._place(subject) / f"{job}{END}").exists()

    def jobs(self, owner: str, subject: str | None = None) -> list[Job]:
        """Return the owner's jobs, of one subject or of all, the oldest first."""
        places = self._places() if subject is None else [self._place(subject)]
        found = [self._job(place, name) for place in places for name in _names(place)]
        return sorted((job for job in found if job.owner == owner), key=lambda job: job.created)

    def claim(self, lease_s: float = LEASE_S) -> tuple[Job, str] | None:
        """Take a job for `lease_s` seconds; return it and the lease, None without a job."""
        now = self.clock.now()
        for place in self._places():
            if place.name in self._finished or not self.mine(unquote(place.name)):
                continue
            job = self._next(place, now)
            if job is not None and (lease := self._claimed(place, job.id, lease_s)) is not None:
                return self._job(place, job.id), lease
        return None

    def renew(self, lease: str, lease_s: float = LEASE_S) -> Job | None:
        """Keep a lease for `lease_s` more seconds; return its job, None if it was lost."""
        held = self._held(lease)
        if held is None:
            return None
        place, claim = held
        with suppress(OSError):
            self.clock.touch(place / f"{CLAIM}{claim.number}")
        return self._job(place, claim.job)

    def tell(self, lease: str, progress: Progress) -> bool:
        """Note how far the job of a lease is; return False if the lease was lost."""
        if (held := self._held(lease)) is None:
            return False
        place, claim = held
        _replaced(place / f"{claim.job}{PROGRESS}", asdict(progress), durable=False)
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
        place, claim = held
        _replaced(place / f"{OVER}{claim.number}", {"counts": counts})
        return True

    def cancel(self, job: str) -> State:
        """Cancel a waiting job, or ask the worker of a running one to stop; return its state."""
        place = self._place_of(job)
        if self._job(place, job).state is State.QUEUED:
            _end(place, job, State.CANCELLED)
        elif not (place / f"{job}{END}").exists():
            _replaced(place / f"{job}{CANCEL}", {})
        return self._job(place, job).state

    def again(self, job: str) -> Job:
        """Queue a failed or cancelled job once more, as if it had never been tried."""
        place = self._place_of(job)
        if self._job(place, job).state in (State.FAILED, State.CANCELLED):
            for claim in _claims(place):
                if claim.job == job:
                    _replaced(place / f"{OVER}{claim.number}", {"counts": False})
            for kind in (CANCEL, PROGRESS, END):
                (place / f"{job}{kind}").unlink(missing_ok=True)
            self._finished.discard(place.name)
        return self._job(place, job)

    def _place(self, subject: str) -> Path:
        return self.folder / quote(subject, safe=" ").replace(".", "%2E")

    def _places(self) -> Iterator[Path]:
        with os.scandir(self.folder) as entries:
            names = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
        return (self.folder / name for name in names)

    def _place_of(self, job: str) -> Path:
        for place in self._places():
            if (place / f"{job}{JOB}").is_file():
                return place
        raise KeyError(job)

    def _next(self, place: Path, now: float) -> Job | None:
        """Return the subject's oldest job that nobody works at; end those that may not run."""
        open_jobs = [job for job in _names(place) if not (place / f"{job}{END}").exists()]
        if not open_jobs:
            self._finished.add(place.name)
            return None
        claims = _claims(place)
        if claims and self._is_live(place, claims[-1], now):
            return None
        for job in (self._job(place, name) for name in open_jobs):
            if job.wants_cancel:
                _end(place, job.id, State.CANCELLED)
            elif job.tries >= MOST_TRIES:
                _end(place, job.id, State.FAILED, LOST)
            else:
                return job
        return None

    def _claimed(self, place: Path, job: str, lease_s: float) -> str | None:
        """Create the next claim; None if another process was first."""
        claims = _claims(place)
        number = claims[-1].number + 1 if claims else 1
        lease = f"{place.name}/{number}/{secrets.token_hex(8)}"
        path = place / f"{CLAIM}{number}"
        by = f"{socket.gethostname()}:{os.getpid()}"
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
        (place / f"{job}{PROGRESS}").unlink(missing_ok=True)
        return lease

    def _held(self, lease: str) -> tuple[Path, Claim] | None:
        """Return folder and claim of a lease, None if it ran out or another claim followed."""
        place = self.folder / lease.split("/")[0]
        claims = _claims(place)
        if not claims or claims[-1].lease != lease:
            return None
        return (place, claims[-1]) if self._is_live(place, claims[-1], self.clock.now()) else None

    def _is_live(self, place: Path, claim: Claim, now: float) -> bool:
        if claim.is_over:
            return False
        renewed = (place / f"{CLAIM}{claim.number}").stat().st_mtime
        return now < renewed + claim.lease_s

    def _ended(
        self,
        lease: str,
        state: State,
        failure: Failure | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> bool:
        if (held := self._held(lease)) is None:
            return False
        place, claim = held
        _end(place, claim.job, state, failure, answer)
        _replaced(place / f"{OVER}{claim.number}", {"counts": True})
        return True

    def _job(self, place: Path, name: str) -> Job:
        said = _read(place / f"{name}{JOB}")
        if not said:
            raise KeyError(name)
        claims = _claims(place)
        own = [claim for claim in claims if claim.job in (name, "")]
        running = bool(own) and own[-1] is claims[-1] and not own[-1].is_over
        end = _read(place / f"{name}{END}")
        state = State(end["state"]) if end else State.RUNNING if running else State.QUEUED
        told = _read(place / f"{name}{PROGRESS}") if state is not State.QUEUED else {}
        return Job(
            name,
            said["owner"],
            unquote(place.name),
            said["kind"],
            said["request"],
            state,
            said["created"],
            sum(claim.counts for claim in own),
            Progress(**told),
            Failure(**end["failure"]) if end.get("failure") else None,
            (place / f"{name}{CANCEL}").exists(),
            end.get("answer") or {},
        )


def _names(place: Path) -> list[str]:
    """Return the ids of a subject's jobs, the oldest first."""

    def age(path: Path) -> tuple[float, int]:
        said = _read(path)
        return said.get("created", 0.0), said.get("place", 0)

    return [path.name[: -len(JOB)] for path in sorted(place.glob(f"*{JOB}"), key=age)]


def _claims(place: Path) -> list[Claim]:
    """Return all claims of a subject, in the order of their numbers."""
    numbers = sorted(int(path.name[len(CLAIM) :]) for path in place.glob(f"{CLAIM}*"))
    claims = []
    for number in numbers:
        said = _read(place / f"{CLAIM}{number}")  # empty for a moment, and if its writer was killed
        claim = (
            Claim(number, said["job"], said["lease"], said["lease_s"]) if said else Claim(number)
        )
        if (place / f"{OVER}{number}").exists():
            counts = bool(_read(place / f"{OVER}{number}").get("counts", True))
            claim = replace(claim, is_over=True, counts=counts)
        claims.append(claim)
    return claims


def _end(
    place: Path,
    job: str,
    state: State,
    failure: Failure | None = None,
    answer: Mapping[str, Any] | None = None,
) -> None:
    content = {
        "state": state,
        "failure": asdict(failure) if failure else None,
        "answer": answer or {},
        "ended": time.time(),
    }
    _replaced(place / f"{job}{END}", content)


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a small file; empty if it is missing or not yet written."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _replaced(path: Path, content: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a small file by a rename."""
    half = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with half.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)
    if durable:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
