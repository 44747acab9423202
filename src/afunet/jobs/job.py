"""A job, its state, its progress, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job is over."""
        return self in (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Progress:
    """The stage at work, the share of the whole that is done (0 to 1) and the seconds left.

    Share and seconds are None while they are unknown.
    """

    stage: str = ""
    share: float | None = None
    left_s: float | None = None


@dataclass(frozen=True)
class Failure:
    """Why a job failed: a stable code, and one line for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Job:
    """A row of the ledger. `subject` is what it is about: jobs of one subject never run together.

    `kind` is a name in the table of tasks that its worker has; `request` is passed to the task.
    `tries` counts the workers that began it. `created` is in seconds since 1970. `answer` is what
    the task of a job that is done returned.
    """

    id: str
    owner: str
    subject: str
    kind: str
    request: Mapping[str, Any]
    state: State
    created: float
    tries: int = 0
    progress: Progress = field(default_factory=Progress)
    failure: Failure | None = None
    wants_cancel: bool = False
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """A change of a job; numbers grow with time and are never used again."""

    number: int
    job: str
    subject: str
    kind: str
    state: State
    progress: Progress
