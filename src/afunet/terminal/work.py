"""A running command: how its progress is shown and how it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from afunet.errors import OutputError
from afunet.plan import Moment, Plan, PlannedProgress, Show
from afunet.terminal.lines import EVERY_SECONDS, Lines, as_json, plain
from afunet.terminal.messages import messages, write_error_line
from afunet.terminal.stop import cancel_on_signal
from afunet.terminal.streams import errors
from afunet.watch import CancelToken, Watch

PULSE_SECONDS = 1.0


class LogForm(StrEnum):
    """How progress and messages are written if there is no bar."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class View:
    """What the user wants to see."""

    quiet: bool = False
    verbose: bool = False
    log: LogForm = LogForm.TEXT
    log_file: Path | None = None

    @property
    def every_seconds(self) -> float:
        """Seconds between two lines of one stage."""
        return 1.0 if self.verbose else EVERY_SECONDS

    def lines(self, write: Callable[[str], None]) -> Lines:
        """Return progress as lines that go to `write`."""
        form = as_json if self.log is LogForm.JSON else plain
        return Lines(write, form, self.every_seconds)


@dataclass(frozen=True, eq=False)
class Work:
    """What a command passes to its workflow."""

    progress: PlannedProgress
    cancel: CancelToken

    @property
    def watch(self) -> Watch:
        """Progress and token in the form that a workflow takes."""
        return Watch(self.progress, self.cancel)

    def follow(self, plan: Plan) -> None:
        """Set the stages to come, from which the share done and the time left are estimated."""
        self.progress.plan = plan


@contextmanager
def at_work(view: View, paths: Sequence[Path] = ()) -> Iterator[Work]:
    """Show progress as `view` says, from now on; a signal stops the work.

    `paths` were given by the user; no log contains them. Raises `Stopped` after a signal, and
    `OutputError` for a log file that cannot be written.
    """
    messages.as_json, messages.paths = view.log is LogForm.JSON, tuple(paths)
    with ExitStack() as stack:
        shows: list[Show] = []
        if view.log_file is not None:
            shows.append(_log_file(view, view.log_file))
        cancel = stack.enter_context(cancel_on_signal())
        if view.log is LogForm.JSON or (
            not view.quiet and (view.verbose or not errors.is_terminal)
        ):
            shows.append(view.lines(write_error_line))
        elif not view.quiet:
            from afunet.terminal.bar import bar  # rich's progress, for terminals alone

            shows.append(stack.enter_context(bar()))
        pulse = stack.enter_context(_pulse(shows))
        progress = PlannedProgress(pulse)
        progress("starting", 0, 1)
        yield Work(progress, cancel)


def _log_file(view: View, path: Path) -> Show:
    """Append lines to a file, each written at once; the file stays open for the last messages."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", errors="replace", buffering=1)
    except OSError as error:
        raise OutputError(f"cannot write the log {path}: {error.strerror or error}") from None

    def write(line: str) -> None:
        file.write(line + "\n")

    messages.to_file = write
    return view.lines(write)


@dataclass
class _Pulse:
    """Shows moments, and repeats the last one while a stage reports nothing."""

    shows: Sequence[Show]
    _last: Moment | None = None
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, moment: Moment) -> None:
        with self._lock:
            self._last, self._at = moment, time.monotonic()
            self._show(moment)

    def again(self) -> None:
        """Show the last moment again, with the seconds that have passed since."""
        with self._lock:
            if self._last is None:
                return
            passed, left = time.monotonic() - self._at, self._last.seconds_left
            self._show(
                replace(
                    self._last,
                    seconds=self._last.seconds + passed,
                    seconds_left=None if left is None else max(0.0, left - passed),
                    starts=False,
                )
            )

    def _show(self, moment: Moment) -> None:
        for show in self.shows:
            show(moment)


@contextmanager
def _pulse(shows: Sequence[Show]) -> Iterator[Show]:
    pulse, ended = _Pulse(shows), threading.Event()

    def beat() -> None:
        while not ended.wait(PULSE_SECONDS):
            pulse.again()

    thread = threading.Thread(target=beat, daemon=True, name="afunet-pulse")
    thread.start()
    try:
        yield pulse
    finally:
        ended.set()
        thread.join(timeout=PULSE_SECONDS)
