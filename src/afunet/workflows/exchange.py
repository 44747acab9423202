"""The exchange of old files for new ones in a folder, taken back if anything stops it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from afunet.temporary import CONTENT, UNFINISHED, left_unfinished
from afunet.workflows.folder_lock import alone_in
from afunet.workflows.own_files import inside

PREFIX = ".afunet-"
NEW, OLDER = "new", "older"


@dataclass(frozen=True)
class Exchange:
    """Files in the folder `work` that are to be in the folder `target` beside it.

    The new ones wait in `work/new`; those that they replace go to `work/older`.
    """

    work: Path
    target: Path

    def run(self, stale: Iterable[str]) -> None:
        """Move all new files into the target; move replaced and stale ones out of it.

        If one cannot be moved, all are moved back. A killed process leaves its journal behind, and
        `take_back_exchanges` moves them back.
        """
        names, journal = files_in(self.work / NEW), self.work.parent / UNFINISHED
        half = self.work / UNFINISHED
        half.write_text(json.dumps({"target": self.target.name, "new": names}), "utf-8")
        half.replace(journal)
        try:
            for name in dict.fromkeys((*stale, *names)):
                if (self.target / name).exists():
                    _move(self.target / name, self.work / OLDER / name)
            for name in names:
                _move(self.work / NEW / name, self.target / name)
        except BaseException:
            self.take_back(names)
            journal.unlink()
            raise
        journal.unlink()
        _remove_emptied(self.target, stale)

    def take_back(self, names: Iterable[str]) -> None:
        """Move files back that were moved; also if this was begun before."""
        new = [name for name in names if not (self.work / NEW / name).exists()]
        for name in new:
            if (self.target / name).exists():
                _move(self.target / name, self.work / NEW / name)
        for name in files_in(self.work / OLDER):
            _move(self.work / OLDER / name, self.target / name)
        _remove_emptied(self.target, new)


def take_back_exchanges(parent: Path) -> None:
    """Take back the exchanges of killed processes with folders in `parent`.

    What cannot be taken back now, as in a folder that is read-only, waits for the next time.
    """
    for left in left_unfinished(PREFIX, parent):
        with suppress(OSError, ValueError, KeyError, TypeError):
            journal = json.loads((left / UNFINISHED).read_bytes())
            target = parent / inside(str(journal["target"]))
            if target.is_dir():
                names = [inside(str(name)) for name in journal["new"]]
                with alone_in(target):
                    Exchange(left / CONTENT, target).take_back(names)
            (left / UNFINISHED).unlink()


def files_in(folder: Path) -> list[str]:
    """Return the names of all files in a folder, those in its folders as "bones/a.stl"."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _move(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, place)


def _remove_emptied(target: Path, names: Iterable[str]) -> None:
    """Remove the folders below `target` that held these files and are empty now."""
    folders = {folder for name in names for folder in (target / name).parents}
    below = (folder for folder in folders if target in folder.parents)
    for folder in sorted(below, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
