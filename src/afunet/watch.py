"""How long work tells its caller where it is, and how the caller stops it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Protocol, TypeVar, runtime_checkable

from afunet.errors import Cancelled

Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 2
"""Units worked on at a time: each takes its memory, and what holds the lock waits anyway."""


class Progress(Protocol):
    """Called with the stage's name, the units done and the units in all."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...  # noqa: D102


@runtime_checkable
class CasesProgress(Progress, Protocol):
    """One that is told, too, which of several cases comes."""

    def begin(self, case: str, number: int, count: int) -> None:
        """The work goes on to case `number` (from 1) of `count`."""


def silent(stage: str, done: int, total: int) -> None:
    """Report progress to nobody."""


class CancelToken:
    """A flag that one thread sets and the work looks at between its steps."""

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


@dataclass(frozen=True)
class Watch:
    """Who watches long work: `progress` is told where it is, `cancel` stops it."""

    progress: Progress = silent
    cancel: CancelToken = field(default_factory=CancelToken)

    def tell(self, stage: str, done: int, total: int) -> None:
        """A stage has done so many of its units."""
        self.progress(stage, done, total)

    def begin(self, case: str, number: int, count: int) -> None:
        """The work goes on to case `number` (from 1) of `count`; told to whom wants to know it."""
        if isinstance(self.progress, CasesProgress):
            self.progress.begin(case, number, count)

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        self.cancel.check()

    def silenced(self) -> "Watch":
        """One that can stop the work and is told nothing."""
        return replace(self, progress=silent)

    def in_threads(
        self, work: Callable[[Item], Result], items: Sequence[Item], stage: str
    ) -> Iterator[Result]:
        """What `work` makes of each item, in order, several at a time. Raises `Cancelled`."""

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
"""Nobody is told and nobody stops the work: for callers that do not care."""
