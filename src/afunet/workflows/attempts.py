"""Results and stages each on their own: one that fails costs itself alone, and is told."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from afunet.errors import Cancelled
from afunet.faults import PROGRAM_ERROR, code_of, reason_of, stack_text
from afunet.report.facts import NotWritten


class Attempts:
    """What was tried, what of it is `missing`, and the `stacks` of afunet's own faults."""

    def __init__(self) -> None:
        self.missing: list[NotWritten] = []
        self.stacks: list[str] = []

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        """Whatever fails inside is noted as a `what` that is missing, but for `Cancelled`."""
        try:
            yield
        except Cancelled:
            raise
        except Exception as error:
            self.missing.append(NotWritten(what, reason_of(error), code_of(error)))
            if code_of(error) == PROGRAM_ERROR:
                self.stacks.append(stack_text(error))


class WrittenResults:
    """Files that come into `folder` result by result, each whole or not at all."""

    def __init__(self, folder: Path, attempts: Attempts) -> None:
        self.folder = folder
        self.attempts = attempts
        self.names: list[str] = []

    def write(self, what: str, writer: Callable[[Path], Sequence[str]]) -> None:
        """Let `writer` write its files into an empty folder and give their names; take them over.

        They have all names that `writer` gave them, below `folder`.
        """
        with (
            self.attempts.at(what),
            tempfile.TemporaryDirectory(prefix="one-", dir=self.folder.parent) as own,
        ):
            names = writer(Path(own))
            for name in names:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(own) / name, self.folder / name)
            self.names += names
