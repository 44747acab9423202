"""The output and error streams: any text in any encoding; a closed pipe is not an error."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console

FILE_COLUMNS = 1000
"""The width of a file or pipe: wide enough that nothing is wrapped."""


class Stream(Console):
    """A console that carries on after its pipe was closed, and wraps for terminals only."""

    def on_broken_pipe(self) -> None:
        """Discard all further text; the work continues."""
        _to_nowhere(sys.stderr if self.stderr else sys.stdout)

    @property
    def width(self) -> int:
        """Columns of the terminal; `FILE_COLUMNS` for a file or pipe."""
        return super().width if self.is_terminal else FILE_COLUMNS

    @width.setter
    def width(self, width: int) -> None:
        self._width = width


console = Stream(highlight=False)
errors = Stream(stderr=True, highlight=False)


@contextmanager
def prepared_streams() -> Iterator[None]:
    """Write letters that the encoding lacks as question marks; hide the warnings of libraries.

    The text of such a warning may quote a header.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    shown, warnings.showwarning = warnings.showwarning, lambda *_, **__: None
    try:
        yield
    finally:
        warnings.showwarning = shown
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)


def _flush(stream: Any) -> None:
    """Flush now, while the error of a closed pipe can still be suppressed."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        _to_nowhere(stream)


def _to_nowhere(stream: Any) -> None:
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
