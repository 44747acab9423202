"""The list, with checksums, of the files that afunet wrote into a results folder.

A later run of the same command removes listed files that it does not write again, so that no file
of an earlier case stays beside the new ones. Files that are not on the list, or that were changed
since, are never removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from afunet.errors import OutputError

LIST = ".afunet.json"
MOST_KNOWN, JUST_WRITTEN_NS = 1000, 2_000_000_000
_DIGESTS: dict[tuple[int, int, int, int], str] = {}
MOST_NAMED = 4
Files = Mapping[str, str]
"""SHA-256 by file name; the name holds the folders in between, separated by /."""


@dataclass(frozen=True)
class OwnFiles:
    """The files of each command's last run, and those that it removed."""

    files: Mapping[str, Files] = field(default_factory=dict)
    removed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def digest_of(self, name: str) -> str | None:
        """Return a file's digest when it was written; None if it is not on the list."""
        return next((files[name] for files in self.files.values() if name in files), None)

    def after(self, command: str, written: Files, removed: Iterable[str]) -> OwnFiles:
        """Return the list after a run wrote its files, some of them over other commands' files."""
        others = {
            name: {file: digest for file, digest in files.items() if file not in written}
            for name, files in self.files.items()
            if name != command
        }
        return replace(
            self,
            files={**others, command: dict(written)},
            removed={**self.removed, command: tuple(removed)},
        )

    def to_json(self) -> str:
        """Return the list as `read_own_files` reads it."""
        content = {
            command: {"files": dict(files), "removed": list(self.removed.get(command, ()))}
            for command, files in sorted(self.files.items())
        }
        return json.dumps(content, indent=2) + "\n"


def read_own_files(folder: Path) -> OwnFiles:
    """Return a folder's list; empty if there is no valid list, so that all files are foreign."""
    try:
        content = json.loads((folder / LIST).read_bytes())
        return OwnFiles(
            {command: _inside(entry["files"]) for command, entry in content.items()},
            {command: tuple(map(str, entry["removed"])) for command, entry in content.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return OwnFiles()


def digest_of(path: Path) -> str | None:
    """Return a file's SHA-256 in hexadecimal digits; None if there is no such file.

    One that was read before and is the same to the file system is not read again.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if (known := _DIGESTS.get(key)) is not None:
                return known
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if time.time_ns() - found.st_mtime_ns > JUST_WRITTEN_NS:
                if len(_DIGESTS) >= MOST_KNOWN:
                    _DIGESTS.clear()
                _DIGESTS[key] = digest  # a change soon after a file was written may have its time
            return digest
    except FileNotFoundError:
        return None


def require_unchanged(folder: Path, own: OwnFiles, names: Iterable[str]) -> None:
    """Raise `OutputError` if a listed file was changed after it was written."""
    for name in names:
        written, found = own.digest_of(name), digest_of(folder / name)
        if written is not None and found is not None and found != written:
            raise OutputError(
                f"{folder / name} was changed after afunet wrote it and would be lost: move it "
                "to another place, or choose another folder for the results",
                code="RESULT_CHANGED",
            )


def removal_note(folder: Path, command: str) -> list[str]:
    """Return a line on the files of an earlier run that the last run removed, if any."""
    names = read_own_files(folder).removed.get(command, ())
    if not names:
        return []
    named = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    files = "file" if len(names) == 1 else "files"
    return [f"  removed {len(names)} {files} of an earlier run: {named}"]


def inside(name: str) -> str:
    """Return the name of a file in the folder; `ValueError` if it leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(name)
    return name


def _inside(files: Any) -> dict[str, str]:
    """Return only names inside the folder: somebody else may have written the list."""
    found = {}
    for name, digest in files.items():
        with suppress(ValueError):
            found[inside(str(name))] = str(digest)
    return found
