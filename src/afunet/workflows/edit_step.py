"""One step of corrections: the results that no other step changes meanwhile, and what it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import InputError, OutputError
from afunet.fragments.editing import Change, digest_of_labels
from afunet.geometry import Volume
from afunet.report.not_written import NotWritten
from afunet.watch import Watch
from afunet.workflows.edit_list import EDITS, EditList, read_edits
from afunet.workflows.edited_folder import EditedFolder, folder_of, opened, version_of
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.staging import check_writable

READING = "reading"


@dataclass(frozen=True, eq=False)
class Edited:
    """The list of corrections after a step, the digest of the label map, the files, what misses.

    `version` is that of `version_of`; `change` what the step changed in the map, now `labels`.
    """

    edits: EditList
    digest: str
    version: str
    files: tuple[Path, ...]
    change: Change
    labels: Volume
    not_written: tuple[NotWritten, ...] = ()


@dataclass(frozen=True, eq=False)
class Held:
    """A folder that no other correction changes, its corrections, the digest of its label map."""

    before: EditedFolder
    known: EditList
    digest: str


@contextmanager
def held(results: Path, seen: str, labels: Volume | None, watch: Watch) -> Iterator[Held]:
    """Yield the state of the results while no other correction of them can begin.

    `labels` is the label map of the version `seen`, if it is at hand. Raises as `edit` does.
    """
    folder = folder_of(results)
    check_writable(folder)
    try:
        with alone_in(folder / EDITS):
            watch.tell(READING, 0, 1)
            require_version(results, seen)
            before, known = opened(results, labels if seen else None), read_edits(folder)
            digest = digest_of_labels(before.labels)
            if known.edits and known.edits[-1].after != digest:
                raise InputError(
                    f"{EDITS} belongs to another label map than the one beside it: move it to "
                    "another place, or bring the label map back",
                    code="OTHER_CASE",
                )
            check_writable(folder, before.command)
            watch.tell(READING, 1, 1)
            yield Held(before, known, digest)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error


def require_version(results: Path, seen: str) -> None:
    """Raise `InputError` (`EDITED_MEANWHILE`) if results are no longer of the version `seen`."""
    if seen and seen != version_of(results):
        raise InputError(
            "the pieces were changed after you opened them: open them again",
            code="EDITED_MEANWHILE",
        )
