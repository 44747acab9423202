"""Which files of a results folder afunet wrote: a list with checksums that lies among them.

A later run of the same command takes away those that it does not write anew, so that nothing of an
earlier case stays beside the new one. What is not on the list belongs to somebody else and is never
taken away, and neither is a file on it that was changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from afunet.errors import OutputError

LIST = ".afunet.json"
MOST_NAMED = 4
Files = Mapping[str, str]
"""SHA-256 by name, the folders on the way parted by /."""


@dataclass(frozen=True)
class OwnFiles:
    """The files of each command's last run, and those that it took away."""

    files: Mapping[str, Files] = field(default_factory=dict)
    removed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def digest_of(self, name: str) -> str | None:
        """What a file was when it was written; None where it is not on the list."""
        return next((files[name] for files in self.files.values() if name in files), None)

    def after(self, command: str, written: Files, removed: Iterable[str]) -> OwnFiles:
        """The list when a run has written its files, some of them over those of other commands."""
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
        """As `read_own_files` reads it."""
        content = {
            command: {"files": dict(files), "removed": list(self.removed.get(command, ()))}
            for command, files in sorted(self.files.items())
        }
        return json.dumps(content, indent=2) + "\n"


def read_own_files(folder: Path) -> OwnFiles:
    """A folder's list; empty where there is none that makes sense: then all files are foreign."""
    try:
        content = json.loads((folder / LIST).read_bytes())
        return OwnFiles(
            {command: _inside(entry["files"]) for command, entry in content.items()},
            {command: tuple(map(str, entry["removed"])) for command, entry in content.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return OwnFiles()


def digest_of(path: Path) -> str | None:
    """SHA-256 of a file in hexadecimal digits; None where it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def require_unchanged(folder: Path, own: OwnFiles, names: Iterable[str]) -> None:
    """Raise `OutputError` where a listed file was changed after it was written."""
    for name in names:
        written, found = own.digest_of(name), digest_of(folder / name)
        if written is not None and found is not None and found != written:
            raise OutputError(
                f"{folder / name} was changed after afunet wrote it and would be lost: move it "
                "away, or choose another folder for the results",
                code="RESULT_CHANGED",
            )


def removal_note(folder: Path, command: str) -> list[str]:
    """A line on what the last run of a command took away of an earlier one, if anything."""
    names = read_own_files(folder).removed.get(command, ())
    if not names:
        return []
    named = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    files = "file" if len(names) == 1 else "files"
    return [f"  removed {len(names)} {files} of an earlier run: {named}"]


def _inside(files: Any) -> dict[str, str]:
    """Only names that lie in the folder: a list is a file, and files can be written by anybody."""
    return {
        str(name): str(digest)
        for name, digest in files.items()
        if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    }
