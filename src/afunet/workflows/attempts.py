"""Results and stages each on their own: one that fails costs itself alone, and is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from afunet.errors import Cancelled, OutputError
from afunet.faults import PROGRAM_ERROR, code_of, reason_of, stack_text
from afunet.report.not_written import NotWritten

STACKS = "faults.txt"
Made = TypeVar("Made")


class Attempts:
    """What was tried, what of it is `missing`, and the `stacks` of afunet's own faults."""

    def __init__(self, missing: Iterable[NotWritten] = (), stacks: Iterable[str] = ()) -> None:
        self.missing = list(missing)
        self.stacks = list(stacks)

    @contextmanager
    def at(self, what: str, folder: Path | None = None) -> Iterator[None]:
        """Whatever fails inside is noted as a `what` that is missing, but for `Cancelled`.

        `folder`, which may lie in one that names a patient, is left out of the reason.
        """
        try:
            yield
        except Cancelled:
            raise
        except Exception as error:
            reason = reason_of(error)
            if folder is not None:
                reason = reason.replace(f"{folder}{os.sep}", "")
            self.missing.append(NotWritten(what, reason, code_of(error)))
            if code_of(error) == PROGRAM_ERROR:
                self.stacks.append(stack_text(error))

    def made(self, what: str, make: Callable[[], Made], otherwise: Made) -> Made:
        """What `make` gives; `otherwise` where it fails, which is noted."""
        with self.at(what):
            return make()
        return otherwise


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
        own = self.folder.with_name(f"{self.folder.name}-one")
        try:
            with self.attempts.at(what, own):
                own.mkdir()
                names = writer(own)
                for name in names:
                    (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(own / name, self.folder / name)
                self.names += names
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def write_stacks(self) -> None:
        """Write where afunet's own faults were, if there were any."""

        def stacks(folder: Path) -> list[str]:
            (folder / STACKS).write_text("\n".join(self.attempts.stacks), encoding="utf-8")
            return [STACKS]

        if self.attempts.stacks:
            self.write(STACKS, stacks)

    def require_any(self) -> None:
        """Raise `OutputError` with the first reason where no file came."""
        if not self.names:
            first = self.attempts.missing[0]
            raise OutputError(f"no result could be written: {first.reason}", code=first.code)
