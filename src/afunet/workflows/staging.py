"""Results appear in their folder whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afunet.errors import OutputError
from afunet.temporary import temporary_folder

PREFIX = ".afunet-"


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`; on success its files move to `target`.

    Files of the same name there are replaced, others left alone. On any failure the temporary
    folder goes and `target` is as it was. Raises `OutputError` for what the disk refuses.
    """
    made = _missing(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target} is a file, expected a folder for the results")
        with temporary_folder(PREFIX, target.parent) as work:
            stage, older = work / "new", work / "older"
            stage.mkdir()
            older.mkdir()
            yield stage
            target.mkdir(exist_ok=True)
            _move_all(stage, target, older)
    except OSError as error:
        raise OutputError(
            f"cannot write to {target}: {error.strerror or error}; nothing was left there"
        ) from error
    finally:
        _remove_empty(made)


def check_writable(target: Path) -> None:
    """Fail before the work, not after it: `OutputError` where no folder can be made at `target`."""
    try:
        existing = next(path for path in (target, *target.absolute().parents) if path.exists())
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
    if not existing.is_dir():
        raise OutputError(f"{existing} is a file, expected a folder for the results")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {target}: permission denied at {existing}")


def _move_all(stage: Path, target: Path, older: Path) -> None:
    """Move all into `target`; what they replace goes to `older`, and back if one cannot move."""
    moved: list[str] = []
    try:
        for item in sorted(stage.iterdir()):
            if (target / item.name).exists():
                os.replace(target / item.name, older / item.name)
            os.replace(item, target / item.name)
            moved.append(item.name)
    except BaseException:
        for name in moved:
            os.replace(target / name, stage / name)
        for item in older.iterdir():
            os.replace(item, target / item.name)
        raise


def _missing(target: Path) -> list[Path]:
    """`target` and the folders above it that are not there, the innermost first."""
    return [path for path in (target.absolute(), *target.absolute().parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
