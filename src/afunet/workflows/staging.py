"""Results that appear in their folder completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from afunet.errors import OutputError
from afunet.temporary import temporary_folder
from afunet.workflows.exchange import NEW, PREFIX, Exchange, files_in, take_back_exchanges
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.own_files import LIST, digest_of, read_own_files, require_unchanged


@contextmanager
def staged_folder(target: Path, command: str = "") -> Iterator[Path]:
    """Yield a temporary folder beside `target`; on success move its files to `target`.

    Files of the same name are replaced, also in subfolders. In the same step, files that the last
    run of `command` wrote and this run does not are removed if they are unchanged (`own_files`); a
    changed one raises `OutputError`. All other files stay. Without a command no list is kept and
    nothing is removed. If two runs write at the same time, the one that ends last wins with all its
    files. After any failure the temporary folder is removed and `target` is unchanged; after the
    process was killed, once the next run takes the exchange back. Raises `OutputError` for errors
    of the disk.
    """
    made = _missing(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_dir():
            raise OutputError(
                f"{target} is a file: give a folder for the results", code="NOT_A_FOLDER"
            )
        take_back_exchanges(target.absolute().parent)
        with temporary_folder(PREFIX, target.parent) as work:
            stage = work / NEW
            stage.mkdir()
            yield stage
            with alone_in(target):
                target.mkdir(exist_ok=True)
                stale = _listed(stage, target, command) if command else []
                Exchange(work, target.absolute()).run(stale)
    except OSError as error:
        raise OutputError(
            f"cannot write to {target}: {error.strerror or error}; no files were left there"
        ) from error
    finally:
        _remove_empty(made)


def check_writable(target: Path, command: str = "", names: Iterable[str] = ()) -> None:
    """Check, before the work, that results can be written.

    Raises `OutputError` if no folder can be made at `target`, if something else is in the place of
    one of the `names` to come, and if a file that the last run of `command` wrote was changed
    since, because it would be lost.
    """
    take_back_exchanges(target.absolute().parent)
    try:
        existing = next(path for path in (target, *target.absolute().parents) if path.exists())
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
    for path in (target, *target.absolute().parents):
        if path.is_symlink() and not path.exists():
            raise OutputError(
                f"{path} is a broken link: check where it points to",
                code="NO_SUCH_PATH",
            )
    for name in names:
        _require_free(target, name)
    if not existing.is_dir():
        raise OutputError(
            f"{existing} is a file: give a folder for the results", code="NOT_A_FOLDER"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write to {target}: permission denied at {existing}, choose another folder",
            code="EACCES",
        )
    if not (target / LIST).is_file():
        return
    try:
        with alone_in(target):
            own = read_own_files(target)
            require_unchanged(target, own, own.files.get(command, {}))
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error


def _require_free(target: Path, name: str) -> None:
    """Raise `OutputError` if a folder is in the place of a new file, or a file in a folder's."""
    place = target / name
    if place.is_dir():
        raise OutputError(
            f"{place} is a folder, but a file must be written there: move it", code="PLACE_TAKEN"
        )
    for folder in place.parents:
        if target in folder.parents and folder.exists() and not folder.is_dir():
            raise OutputError(
                f"{folder} is a file, but a folder must be made there: move it",
                code="NOT_A_FOLDER",
            )


def _listed(stage: Path, target: Path, command: str) -> list[str]:
    """Put the new list into the stage; return the earlier run's files that it leaves out."""
    own, written = read_own_files(target), files_in(stage)
    stale = [
        name
        for name in own.files.get(command, {})
        if name not in written and (target / name).is_file()
    ]
    require_unchanged(target, own, (*written, *stale))
    digests = {name: digest_of(stage / name) or "" for name in written}
    (stage / LIST).write_text(own.after(command, digests, stale).to_json(), encoding="utf-8")
    return stale


def _missing(target: Path) -> list[Path]:
    """Return `target` and the folders above it that do not exist, the innermost first."""
    return [path for path in (target.absolute(), *target.absolute().parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
