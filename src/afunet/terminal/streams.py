"""The two streams: they take any text in any encoding, and a reader that went away is no error."""

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
"""A file or a pipe has no width: nothing is wrapped for it."""


class Stream(Console):
    """A console that goes on where its reader went away, and wraps for terminals only."""

    def on_broken_pipe(self) -> None:
        """Whatever else is said goes nowhere; the work goes on."""
        _to_nowhere(sys.stderr if self.stderr else sys.stdout)

    @property
    def width(self) -> int:
        """Columns of the terminal; plenty for a file."""
        return super().width if self.is_terminal else FILE_COLUMNS

    @width.setter
    def width(self, width: int) -> None:
        self._width = width


console = Stream(highlight=False)
errors = Stream(stderr=True, highlight=False)


@contextmanager
def prepared_streams() -> Iterator[None]:
    """Letters that the encoding lacks become question marks; libraries' warnings are not shown.

    Their text may quote a header.
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
    """Flush now, where the error of a reader gone can still be kept quiet."""
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
