"""Small files on a file system that several hosts share: dated by it, and never half written."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class FileClock(Protocol):
    """The clock by which the files of a folder are dated."""

    def now(self) -> float:
        """Return the present time in seconds since 1970."""

    def touch(self, path: Path) -> None:
        """Date a file now."""


@dataclass(frozen=True)
class ServersClock:
    """The file system's own clock, read from a file of this process."""

    folder: Path
    name: str = field(default_factory=lambda: f".clock-{secrets.token_hex(8)}")

    def now(self) -> float:
        """Return the present time in seconds since 1970."""
        path = self.folder / self.name
        path.touch()
        os.utime(path)
        now = path.stat().st_mtime
        path.unlink(missing_ok=True)
        return now

    def touch(self, path: Path) -> None:
        """Date a file now."""
        os.utime(path)


def replaced(path: Path, content: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a small file by a rename."""
    half = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with half.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)
    if durable:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
