"""Files that are written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from afunet.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; its file is renamed to `path` only without an error.

    Missing folders are made. An error of the operating system becomes an `OutputError`. After any
    error no partial file is left, and an older file at `path` is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
            unfinished = Path(folder, path.name)
            yield unfinished
            os.replace(unfinished, path)
    except OSError as reason:
        raise OutputError(f"cannot write {path}: {reason.strerror or reason}") from None
