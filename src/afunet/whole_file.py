"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from afunet.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a place to write to; its file gets the name `path` only if no error came up.

    Folders on the way are made. An operating system error becomes an `OutputError`; whatever
    happens, nothing half-written is left and an older file at `path` stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            unfinished = Path(folder, path.name)
            yield unfinished
            os.replace(unfinished, path)
    except OSError as reason:
        raise OutputError(f"cannot write {path}: {reason.strerror or reason}") from None
