"""Results that are each made on their own: if one fails, it is noted and the others go on."""

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
    """The results that are `missing` after they failed, and the `stacks` of internal errors."""

    def __init__(self, missing: Iterable[NotWritten] = (), stacks: Iterable[str] = ()) -> None:
        self.missing = list(missing)
        self.stacks = list(stacks)

    @contextmanager
    def at(self, what: str, folder: Path | None = None) -> Iterator[None]:
        """Note any exception inside as a missing `what`; only `Cancelled` is raised on.

        The reason leaves out `folder`, whose path may name a patient.
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
        """Return the result of `make`, or `otherwise` if it fails; the failure is noted."""
        with self.at(what):
            return make()
        return otherwise


class WrittenResults:
    """Writes results one by one into `folder`, each completely or not at all."""

    def __init__(self, folder: Path, attempts: Attempts) -> None:
        self.folder = folder
        self.attempts = attempts
        self.names: list[str] = []

    def write(self, what: str, writer: Callable[[Path], Sequence[str]]) -> None:
        """Let `writer` write files into an empty folder and return their names; then move them.

        The files keep their names, below `folder`.
        """
        own = self.folder.with_name(f"{self.folder.name}-one")
        try:
            with self.attempts.at(what, own):
                own.mkdir()
                names = writer(own)
                for name in names:
                    (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(own / name, self.folder / name)
                self.names += [name for name in names if name not in self.names]
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def write_stacks(self) -> None:
        """Write the stacks of internal errors, if there were any."""

        def stacks(folder: Path) -> list[str]:
            (folder / STACKS).write_text("\n".join(self.attempts.stacks), encoding="utf-8")
            return [STACKS]

        if self.attempts.stacks:
            self.write(STACKS, stacks)

    def require_any(self) -> None:
        """Raise `OutputError` with the first reason if no file was written."""
        if not self.names:
            first = self.attempts.missing[0]
            raise OutputError(f"no result could be written: {first.reason}", code=first.code)

    def require(self, names: Iterable[str]) -> None:
        """Raise `OutputError` with the reason if one of these files was not written."""
        lacking = next((name for name in names if name not in self.names), None)
        if lacking is not None:
            because = next(one for one in self.attempts.missing if one.format == lacking)
            raise OutputError(
                f"{lacking} could not be written: {because.reason}", code=because.code
            )
