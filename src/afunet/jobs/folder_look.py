"""What lies in the folder of a subject of `FolderLedger`, seen at one moment."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from afunet.jobs.folder_files import replaced
from afunet.jobs.job import Failure, Job, Progress, State
from afunet.jobs.store import LEASE_S
from afunet.jobs.whereabouts import Whereabouts

JOB, END, CANCEL, PROGRESS = ".job", ".end", ".cancel", ".progress"
CLAIM, OVER = "claim-", "over-"


@dataclass(frozen=True)
class Claim:
    """The claim of this number in a subject's folder: its job ("" while unknown) and its lease."""

    number: int
    job: str = ""
    lease: str = ""
    lease_s: float = LEASE_S
    by: Whereabouts | None = None
    is_over: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Look:
    """The names in a folder; files are read when they are asked for, each once at most."""

    place: Path
    names: frozenset[str]

    @classmethod
    def at(cls, place: Path) -> Look:
        """List a subject's folder, which may not be there."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return cls(place, frozenset(os.listdir(place)))
        return cls(place, frozenset())

    @cached_property
    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs, the oldest first."""
        found = [name.removesuffix(JOB) for name in self.names if name.endswith(JOB)]
        return tuple(found if len(found) < 2 else sorted(found, key=self._age))

    @property
    def open_jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that have not ended, the oldest first."""
        return tuple(job for job in self.jobs if f"{job}{END}" not in self.names)

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """All claims, in the order of their numbers."""
        numbers = sorted(int(one[len(CLAIM) :]) for one in self.names if one.startswith(CLAIM))
        return tuple(map(self._claim, numbers))

    @property
    def next_claim(self) -> int:
        """The number that the next claim must have."""
        return self.claims[-1].number + 1 if self.claims else 1

    def job(self, name: str) -> Job:
        """Return a job; raises `KeyError` if there is none with this id."""
        said = read(self.place / f"{name}{JOB}") if f"{name}{JOB}" in self.names else {}
        if not said:
            raise KeyError(name)
        own = [claim for claim in self.claims if claim.job in (name, "")]
        running = bool(own) and own[-1] is self.claims[-1] and not own[-1].is_over
        end = read(self.place / f"{name}{END}") if f"{name}{END}" in self.names else {}
        state = State(end["state"]) if end else State.RUNNING if running else State.QUEUED
        has_told = state is not State.QUEUED and f"{name}{PROGRESS}" in self.names
        told = read(self.place / f"{name}{PROGRESS}") if has_told else {}
        return Job(
            name,
            said["owner"],
            unquote(self.place.name),
            said["kind"],
            said["request"],
            state,
            said["created"],
            sum(claim.counts for claim in own),
            Progress(**told),
            Failure(**end["failure"]) if end.get("failure") else None,
            f"{name}{CANCEL}" in self.names,
            end.get("answer") or {},
        )

    def _claim(self, number: int) -> Claim:
        said = read(self.place / f"{CLAIM}{number}")  # empty if its writer was killed
        claim = Claim(number)
        if said:
            by = Whereabouts(**said["by"])
            claim = Claim(number, said["job"], said["lease"], said["lease_s"], by)
        if f"{OVER}{number}" in self.names:
            counts = bool(read(self.place / f"{OVER}{number}").get("counts", True))
            claim = replace(claim, is_over=True, counts=counts)
        return claim

    def _age(self, name: str) -> tuple[float, int]:
        said = read(self.place / f"{name}{JOB}")
        return said.get("created", 0.0), said.get("place", 0)


def read(path: Path) -> Mapping[str, Any]:
    """Return the content of a small file; empty if it is missing or not yet written."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def end_job(
    place: Path,
    job: str,
    state: State,
    failure: Failure | None = None,
    answer: Mapping[str, Any] | None = None,
) -> None:
    """Write how a job ended."""
    content = {
        "state": state,
        "failure": asdict(failure) if failure else None,
        "answer": answer or {},
        "ended": time.time(),
    }
    replaced(place / f"{job}{END}", content)
