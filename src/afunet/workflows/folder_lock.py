"""A lock on a results folder: one run at a time moves its files there, the others wait."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from afunet.errors import OutputError
from afunet.temporary import take_lock

WAIT_SECONDS, EVERY_SECONDS = 60.0, 0.05
HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}


@contextmanager
def alone_in(target: Path) -> Iterator[None]:
    """Hold the lock of a folder: a file beside it, which is removed at the end.

    A killed process does not keep the lock. On a file system without locks all runs go on. Raises
    `OutputError` (`FOLDER_IN_USE`) if another run holds the lock for `WAIT_SECONDS`, and `OSError`.
    """
    name = hashlib.sha256(os.fsencode(target.absolute().name)).hexdigest()[:12]
    path = target.absolute().parent / f".afunet-lock-{name}"
    lock = _waited_for(path, target)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not remove an open file; the next run does
            path.unlink()
        lock.close()


def _waited_for(path: Path, target: Path) -> IO[bytes]:
    last = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < last:
        lock = path.open("ab")
        if _is_taken(lock) and _is_at(lock, path):
            return lock
        lock.close()
        time.sleep(EVERY_SECONDS)
    raise OutputError(
        f"another run of afunet is writing to {target}: wait for it, or choose another folder",
        code="FOLDER_IN_USE",
    )


def _is_taken(lock: IO[bytes]) -> bool:
    try:
        take_lock(lock)
    except OSError as reason:
        return reason.errno not in HELD  # a file system without locks
    return True


def _is_at(lock: IO[bytes], path: Path) -> bool:
    """Return whether the path still leads to the open file, which its last holder may remove."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False
