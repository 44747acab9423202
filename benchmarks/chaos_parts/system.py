"""What is struck: programs that do jobs together, and may each end at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Protocol

import psutil


class How(StrEnum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Ended:
    """A job that is over: how, a note that differs if it ends once more, its results' digest."""

    how: How
    note: str
    digest: str


class System(Protocol):
    """Programs at work on jobs, in a folder of their own.

    The receiver, the worker and the sender of a DICOM node, and the archive that it serves, will
    be struck through these four methods too.
    """

    def strike(self, chance: Random) -> None:
        """Do to the running programs what the row of the table says."""

    def mend(self) -> None:
        """Start again what does not start by itself."""

    def ended(self) -> Mapping[str, Ended]:
        """Return the jobs that are over, by their names."""

    def finish(self) -> None:
        """Let all jobs end that have not ended, and try failed ones again."""


class Start(Protocol):
    """Starts a system on the scans of a folder, in an empty folder of its own."""

    def __call__(self, scans: Path, folder: Path) -> AbstractContextManager[System]: ...


def kill(process: int | psutil.Process) -> None:
    """`kill -9`, if the process is still there."""
    try:
        (psutil.Process(process) if isinstance(process, int) else process).kill()
    except psutil.NoSuchProcess:
        return


def below(process: int) -> list[psutil.Process]:
    """The processes that a process started."""
    try:
        return list(psutil.Process(process).children())
    except psutil.NoSuchProcess:
        return []
