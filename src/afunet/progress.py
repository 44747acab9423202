"""How long work tells its caller where it is, and how the caller stops it."""

from threading import Event
from typing import Protocol

from afunet.errors import Cancelled


class Progress(Protocol):
    """Called with the stage's name, the units done and the units in all."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...  # noqa: D102


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
