"""Results appear in their folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afunet.errors import OutputError


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`; on success its files move to `target`.

    Files of the same name there are replaced, others left alone. On any failure the temporary
    folder goes and `target` is as it was. Raises `OutputError` for what the disk refuses.
    """
    made = _missing_parents(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target} is a file, expected a folder for the results")
        stage = Path(tempfile.mkdtemp(prefix=".afunet-", dir=target.parent))
    except OSError as error:
        _remove_empty(made)
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
    try:
        yield stage
        target.mkdir(exist_ok=True)
        for file in sorted(stage.iterdir()):
            os.replace(file, target / file.name)
    except OSError as error:
        _remove_empty(made)
        raise OutputError(
            f"cannot write to {target}: {error.strerror or error}; nothing was left there"
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check_writable(target: Path) -> None:
    """Fail before the work, not after it: `OutputError` where no folder can be made at `target`."""
    existing = next(path for path in (target, *target.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise OutputError(f"{existing} is a file, expected a folder for the results")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {target}: permission denied at {existing}")


def _missing_parents(target: Path) -> list[Path]:
    return [path for path in target.absolute().parents if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
