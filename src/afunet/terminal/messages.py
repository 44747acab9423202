"""Failures, warnings and notes, on the screen and in the log file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from afunet.terminal.lines import message_as_json
from afunet.terminal.streams import errors


class Level(StrEnum):
    """How much a message matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


COLOURS = {Level.INFO: "yellow", Level.WARNING: "yellow", Level.ERROR: "red"}


@dataclass
class Messages:
    """Where messages go. `paths` may name a patient: the screen may show them, a log never."""

    as_json: bool = False
    to_file: Callable[[str], None] | None = None
    paths: Sequence[Path] = field(default_factory=tuple)

    def say(self, level: Level, text: str, code: str = "") -> None:
        """Write one line to the error stream and one to the log file."""
        text = " ".join(text.split())
        if not self.as_json:
            _show(level, text)
        if not self.as_json and self.to_file is None:
            return
        safe = self._without_paths(text)
        line = message_as_json(level, safe, code) if self.as_json else f"{level}: {safe}"
        if self.as_json:
            write_error_line(line)
        if self.to_file is not None:
            self.to_file(line)

    def _without_paths(self, text: str) -> str:
        from afunet.data.patients import scrubbed  # heavy, and seldom needed

        return scrubbed(text, self.paths, (), "…")


messages = Messages()
"""The messages of the running command."""


def reset_messages() -> None:
    """Set `messages` back to its state before any command."""
    messages.as_json, messages.to_file, messages.paths = False, None, ()


def print_failure(reason: str, code: str = "") -> None:
    """Print one line that says what went wrong."""
    messages.say(Level.ERROR, reason, code)


def print_warning(text: str, code: str = "") -> None:
    """Print one line that says what to check."""
    messages.say(Level.WARNING, text, code)


def write_error_line(line: str) -> None:
    """Write a line unchanged to the error stream."""
    errors.print(line, markup=False, highlight=False, soft_wrap=True)


def _show(level: Level, text: str) -> None:
    if level is Level.INFO:
        errors.print(text, style=COLOURS[level], markup=False, highlight=False, soft_wrap=True)
        return
    errors.print(f"[{COLOURS[level]}]{level}:[/] ", end="")
    errors.print(text, markup=False, highlight=False, soft_wrap=True)
