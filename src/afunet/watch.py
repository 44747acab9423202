"""How long-running work reports its progress, and how its caller stops it."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Protocol, TypeVar, runtime_checkable

from afunet.errors import Cancelled

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 2
"""Units worked on at a time: each needs memory, and Python's global lock limits the gain."""


class Progress(Protocol):
    """A function called with the stage's name, the units done and all units of the stage."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...  # noqa: D102


@runtime_checkable
class CasesProgress(Progress, Protocol):
    """A `Progress` that is also told which of several cases begins."""

    def begin(self, case: str, number: int, count: int) -> None:
        """Begin case `number` (from 1) of `count`."""


def silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""


class CancelToken:
    """A flag that one thread sets and the work checks between its steps."""

    def __init__(self) -> None:
        self._event = Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self.cancelled:
            raise Cancelled("cancelled on request")


class TimeLimit(CancelToken):
    """Set when `other` is set, or when so many seconds have gone by."""

    def __init__(
        self, other: CancelToken, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._other, self._clock, self._end = other, clock, clock() + seconds

    @property
    def cancelled(self) -> bool:
        """Whether the time has gone by or somebody asked to stop."""
        return self._clock() >= self._end or self._other.cancelled or super().cancelled


@dataclass(frozen=True)
class Watch:
    """The caller's side of long work: `progress` is told how far it is, `cancel` stops it."""

    progress: Progress = silent
    cancel: CancelToken = field(default_factory=CancelToken)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Report that `stage` has done `done` of its `total` units."""
        self.progress(stage, done, total)

    def begin(self, case: str, number: int, count: int) -> None:
        """Report that case `number` (from 1) of `count` begins, if `progress` takes cases."""
        if isinstance(self.progress, CasesProgress):
            self.progress.begin(case, number, count)

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        self.cancel.check()

    def silenced(self) -> "Watch":
        """Return a watch that can stop the work and reports no progress."""
        return replace(self, progress=silent)

    def in_threads(
        self, work: Callable[[Item], Result], items: Sequence[Item], stage: str
    ) -> Iterator[Result]:
        """Yield the result of `work` for each item, in order; several run at a time.

        Raises `Cancelled`.
        """

        def worked(item: Item) -> Result:
            self.check()
            return work(item)

        with ThreadPoolExecutor(WORKERS) as workers:
            for done, result in enumerate(workers.map(worked, items)):
                self.tell(stage, done, len(items))
                self.check()
                yield result
        self.tell(stage, len(items), len(items))


UNWATCHED = Watch()
"""A watch that reports nothing and never stops the work."""
