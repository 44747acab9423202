"""Find the files at and below the given paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.watch import CancelToken

Inode = tuple[int, int]


@dataclass(frozen=True)
class FilesFound:
    """Files in order, the numbers of links followed and skipped, and refusals.

    A link is skipped if it is broken, leads to a folder that was already searched, or leads to a
    folder that contains the given one. `unreadable` are the folders that could not be opened.
    """

    files: tuple[Path, ...]
    links_followed: int = 0
    links_passed: int = 0
    unreadable: tuple[InputError, ...] = ()


def existing_paths(path: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """Return one path or several as a tuple, each once; `InputError` if one cannot be opened."""
    given = _given(path)
    if not given or "" in given:
        raise InputError(
            "no file was given: name a folder or at least one file", code="NOTHING_GIVEN"
        )
    paths = tuple(dict.fromkeys(Path(item) for item in given))
    for item in paths:
        _require_readable(item)
    return paths


def _given(path: Any) -> list[str | Path]:
    """The paths as a list; `InputError` for an object that is neither a path nor several."""
    several = not isinstance(path, str | bytes | os.PathLike) and isinstance(path, Iterable)
    given = list(path) if several else [path]
    others = [item for item in given if not isinstance(item, str | os.PathLike)]
    if others:
        inside = f" of {type(others[0]).__name__}" if several else ""
        raise InputError(
            f"got a {type(path).__name__}{inside}, expected a path, a Volume, a NumPy array, or a "
            "nibabel or SimpleITK image: convert it",
            code="NOT_A_VOLUME",
        )
    return given


def files_below(paths: Iterable[Path], cancel: CancelToken) -> tuple[Path, ...]:
    """All given files, and all files in and below the given folders, sorted by name.

    Raises `InputError` for a folder that cannot be opened.
    """
    found = search(paths, cancel)
    if found.unreadable:
        raise found.unreadable[0]
    return found.files


def search(paths: Iterable[Path], cancel: CancelToken) -> FilesFound:
    """`files_below`, also with links and refusals; a link to a folder is followed once."""
    given = tuple(paths)
    walk = _Walk(given, cancel)
    files = [file for path in given for file in (walk.below(path) if path.is_dir() else [path])]
    return FilesFound(
        tuple(dict.fromkeys(files)), walk.followed, walk.passed, tuple(walk.unreadable)
    )


def unreadable(path: Path | str, reason: OSError) -> InputError:
    """The error for a path that cannot be read."""
    return InputError(
        f"cannot read {path}: {reason.strerror or 'unreadable'}; check the path", code="UNREADABLE"
    )


class _Walk:
    """Walks through folders, entering each one once, whatever links lead there."""

    def __init__(self, given: tuple[Path, ...], cancel: CancelToken) -> None:
        self._cancel = cancel
        self._seen: set[Inode] = set()
        self._above = {
            _inode(folder) for path in given for folder in path.resolve().parents if folder.is_dir()
        }
        self.followed = self.passed = 0
        self.unreadable: list[InputError] = []

    def below(self, root: Path) -> Iterator[Path]:
        """The files of a folder, then those of its subfolders, including linked ones."""
        self._seen.add(_inode(root))
        for folder, subfolders, names in os.walk(root, onerror=self._note):
            self._cancel.check()
            subfolders[:] = [name for name in sorted(subfolders) if self._enters(folder, name)]
            for name in sorted(names):
                path = Path(folder, name)
                self.passed += path.is_symlink() and not path.exists()
                yield path
            for path in (Path(folder, name) for name in subfolders):
                if path.is_symlink():  # os.walk does not follow links
                    yield from self.below(path)

    def _enters(self, folder: str, name: str) -> bool:
        path = Path(folder, name)
        try:
            inode, is_link = _inode(path), path.is_symlink()
        except OSError as reason:
            self._note(reason)
            return False
        enters = inode not in self._seen and not (is_link and inode in self._above)
        self._seen.add(inode)
        self.followed += is_link and enters
        self.passed += is_link and not enters
        return enters

    def _note(self, reason: OSError) -> None:
        self.unreadable.append(unreadable(reason.filename, reason))


def _inode(path: Path) -> Inode:
    status = path.stat()
    return status.st_dev, status.st_ino


def _require_readable(path: Path) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
        elif path.is_file():
            path.open("rb").close()
        elif path.is_symlink():
            raise InputError(
                f"{path} is a broken link: check where it points to",
                code="NO_SUCH_PATH",
            )
        elif path.exists():
            raise InputError(
                f"{path} is neither a file nor a folder: it cannot be read", code="UNREADABLE"
            )
        else:
            raise InputError(f"no such file or folder: {path}", code="NO_SUCH_PATH")
    except OSError as reason:
        raise unreadable(path, reason) from None
