"""Temporary folders that are removed at the end of the work, even after an error.

A killed process leaves its folder behind. Each folder holds a file that its process keeps locked,
and the system frees the locks of a dead process. The next process that makes a folder with the same
prefix removes the folders that nobody has locked, and nothing else. A folder with the file
`UNFINISHED` stays, because it may hold the only copy of a user's files (`left_unfinished`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOCK = ".afunet-lock"
CONTENT = "content"
UNFINISHED = ".afunet-unfinished"


@contextmanager
def temporary_folder(prefix: str, inside: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder of this process, in `inside` or the system's temporary folder.

    Raises `OSError` if it cannot be made.
    """
    parent = inside or Path(tempfile.gettempdir())
    remove_left_behind(prefix, parent)
    whole = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    lock = None
    try:
        lock = _locked(whole)
        content = whole / CONTENT
        content.mkdir()
        yield content
    finally:
        try:
            _remove(whole, lock)
        finally:  # again, in case a signal interrupted the first removal
            _remove(whole, lock)


def remove_left_behind(prefix: str, parent: Path) -> None:
    """Remove the folders of killed processes; keep folders in use and all others."""
    for folder in _left_behind(prefix, parent):
        if not (folder / UNFINISHED).exists():
            shutil.rmtree(folder, ignore_errors=True)


def left_unfinished(prefix: str, parent: Path) -> Iterator[Path]:
    """Yield, each locked, this user's folders of killed processes that hold `UNFINISHED`."""
    for folder in _left_behind(prefix, parent):
        if (folder / UNFINISHED).is_file() and _is_own(folder):
            yield folder


def _left_behind(prefix: str, parent: Path) -> Iterator[Path]:
    """Yield the folders of killed processes; each is locked until the next."""
    with suppress(OSError):
        for entry in sorted(os.scandir(parent), key=lambda entry: entry.name):
            if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
                path = Path(entry.path) / LOCK
                with suppress(OSError):
                    if not path.is_symlink() and path.is_file():
                        with path.open("r+b") as lock:
                            take_lock(lock)
                            yield path.parent


def _is_own(folder: Path) -> bool:
    """Return whether this user made a folder; others can make one in a shared place."""
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _locked(folder: Path) -> IO[bytes] | None:
    """Return the folder's lock, held; it gets its name after that. None if locks do not work."""
    lock = (folder / f"{LOCK}-new").open("wb")
    try:
        take_lock(lock)
        (folder / f"{LOCK}-new").rename(folder / LOCK)
    except OSError:
        lock.close()
        return None
    return lock


def take_lock(lock: IO[bytes]) -> None:
    """Lock an open file, or raise `OSError` without waiting."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove(folder: Path, lock: IO[bytes] | None) -> None:
    if lock is not None:
        lock.close()
    if not (folder / UNFINISHED).exists():
        shutil.rmtree(folder, ignore_errors=True)
