"""Which files a path stands for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from afunet.errors import InputError
from afunet.progress import CancelToken


def existing_paths(path: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """One path or several as a tuple, each once; `InputError` where one cannot be opened."""
    given = [path] if isinstance(path, str | Path) else list(path)
    if not given:
        raise InputError("no file was given: name a folder or at least one file")
    paths = tuple(dict.fromkeys(Path(item) for item in given))
    for item in paths:
        _require_readable(item)
    return paths


def files_below(paths: Iterable[Path], cancel: CancelToken) -> tuple[Path, ...]:
    """All files of the folders and below, sorted by name, with the files given by themselves.

    Links to folders are not followed. Raises `InputError` for a folder that cannot be opened.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            for folder, subfolders, names in os.walk(path, onerror=_refuse_folder):
                cancel.check()
                subfolders.sort()
                found += [Path(folder, name) for name in sorted(names)]
        else:
            found.append(path)
    return tuple(dict.fromkeys(found))


def unreadable(path: Path | str, reason: OSError) -> InputError:
    """The error for a path that the system does not let us read."""
    return InputError(f"cannot read {path}: {reason.strerror or 'unreadable'}; check the path")


def _require_readable(path: Path) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
        elif path.is_file():
            path.open("rb").close()
        else:
            raise InputError(f"no such file or folder: {path}")
    except OSError as reason:
        raise unreadable(path, reason) from None


def _refuse_folder(reason: OSError) -> None:
    raise unreadable(reason.filename, reason) from None
