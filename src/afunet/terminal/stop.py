"""How Ctrl-C, SIGTERM and SIGHUP stop the work; all act in the same way.

During the work the first signal asks it to stop at its next step, and the second aborts it. At
other times the first signal aborts. Later signals are ignored, so that the clean-up can finish.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from afunet.errors import Cancelled, ExitCode
from afunet.watch import CancelToken

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
SIGNAL_CODE = 128


class Stopped(BaseException):
    """A signal ended the work; `str()` gives the message, which may be empty."""

    def __init__(self, number: int, message: str = "") -> None:
        super().__init__(message)
        self.exit_code: ExitCode | int = SIGNAL_CODE + number


@contextmanager
def breaking_off() -> Iterator[None]:
    """Raise `Stopped` at the first signal; ignore later ones."""
    heard = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise Stopped(number)

    with _handled(stop):
        yield


@contextmanager
def cancel_on_signal() -> Iterator[CancelToken]:
    """Cancel the token at the first signal, raise `Stopped` at the second.

    `Cancelled` is raised on as `Stopped` with the signal's exit code.
    """
    token = CancelToken()
    heard: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        token.cancel()
        if len(heard) == 2:
            raise Stopped(number)

    with _handled(ask):
        try:
            yield token
        except Cancelled as error:
            number = heard[0] if heard else signal.SIGINT
            raise Stopped(number, str(error)) from None


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the `SIGNALS` of this system, except those that the caller ignores (as nohup does).

    Only the main thread can handle signals; in another thread nothing changes.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, signal.SIG_DFL if was is None else was)
