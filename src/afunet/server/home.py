"""The data folder: one folder for each user, with uploads and cases under random names."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from afunet.errors import OutputError
from afunet.server.refusals import not_found
from afunet.temporary import take_lock
from afunet.whole_file import whole_file

ID = re.compile(r"[A-Za-z0-9_-]{16}")
ID_BYTES = 12
GONE, PASSING = ".gone-", ".passing-"
"""How the names begin of what is being removed, and of files for one request."""
PRIVATE = 0o700
INPUT, RESULTS, VIEW, EXPORTS, CASE_JSON = "input", "results", "view", "exports", "case.json"


@dataclass(frozen=True)
class CaseFacts:
    """What `case.json` says: the title that its user gave it, and what is to be read."""

    title: str
    created: str
    series: str
    fast: bool


@dataclass(frozen=True)
class CaseFolder:
    """A case: `input` as it was uploaded, `results` of `segment`, `view` for the page."""

    path: Path

    @property
    def id(self) -> str:
        """The random name of the case."""
        return self.path.name

    @property
    def input(self) -> Path:
        """The uploaded files."""
        return self.path / INPUT

    @property
    def results(self) -> Path:
        """What `segment` and the corrections wrote."""
        return self.path / RESULTS

    @property
    def view(self) -> Path:
        """What is kept ready for the page, and can be made again."""
        return self.path / VIEW

    @property
    def exports(self) -> Path:
        """Results in the formats that were asked for later."""
        return self.path / EXPORTS

    @property
    def facts(self) -> CaseFacts:
        """What the case's file says."""
        return CaseFacts(**json.loads((self.path / CASE_JSON).read_bytes()))

    def write(self, facts: CaseFacts) -> None:
        """Write the case's file."""
        write_json(self.path / CASE_JSON, asdict(facts))


@dataclass(frozen=True)
class UserFolder:
    """The uploads and cases of one user."""

    path: Path

    @property
    def uploads(self) -> Path:
        """The folder of uploads that are not yet a case."""
        return _made(self.path / "uploads")

    @property
    def cases(self) -> Path:
        """The folder of cases."""
        return _made(self.path / "cases")

    def upload(self, name: str) -> Path:
        """Return an upload by its id; raises `Refused` (404) if the user has none of this id."""
        return _existing(self.uploads, name, "upload")

    def case(self, name: str) -> CaseFolder:
        """Return a case by its id; raises `Refused` (404) if the user has none of this id."""
        found = _existing(self.cases, name, "case")
        if not (found / CASE_JSON).is_file():
            raise not_found("case")
        return CaseFolder(found)

    def all_uploads(self) -> list[Path]:
        """Return the folders of all uploads."""
        return [
            path
            for path in self.uploads.iterdir()
            if ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
        ]

    def all_cases(self) -> list[CaseFolder]:
        """Return all cases, the newest first."""
        folders = [
            CaseFolder(path)
            for path in self.cases.iterdir()
            if ID.fullmatch(path.name) and (path / CASE_JSON).is_file() and not path.is_symlink()
        ]
        return sorted(folders, key=lambda case: case.facts.created, reverse=True)


@dataclass(frozen=True)
class Home:
    """The data folder of a server."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The file of the jobs."""
        return self.path / "jobs.sqlite"

    @property
    def people(self) -> Path:
        """The file of the users."""
        return self.path / "users.json"

    def user(self, name: str) -> UserFolder:
        """Return the folder of a user."""
        return UserFolder(_made(self.path / "users" / name))

    def users(self) -> Iterator[tuple[str, UserFolder]]:
        """Yield all users that have a folder."""
        for path in sorted(_made(self.path / "users").iterdir()):
            yield path.name, UserFolder(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder; raises `OutputError` (`FOLDER_IN_USE`) if another server does."""
        _made(self.path)
        with (self.path / ".lock").open("ab") as lock:
            try:
                take_lock(lock)
            except OSError:
                raise OutputError(
                    f"another afunet serve works in {self.path}: end it, or give another --data",
                    code="FOLDER_IN_USE",
                ) from None
            self._remove_left_behind()
            yield

    def _remove_left_behind(self) -> None:
        """Remove what a server that was killed had not finished."""
        for _, user in self.users():
            for folder in (user.uploads, user.cases):
                for path in folder.glob(f"{GONE}*"):
                    shutil.rmtree(path, ignore_errors=True)
            for case in user.all_cases():
                for path in case.view.glob(f"{PASSING}*"):
                    path.unlink(missing_ok=True)
            for upload in user.all_uploads():
                for path in upload.glob(f"{PASSING}*"):
                    path.unlink(missing_ok=True)


def new_folder(parent: Path) -> Path:
    """Make a folder with a random name."""
    return _made(parent / new_id())


def new_id() -> str:
    """Return a random name that nobody can guess."""
    return secrets.token_urlsafe(ID_BYTES)


def remove(folder: Path) -> None:
    """Remove a folder: it is gone at once, its files a little later."""
    gone = folder.with_name(f"{GONE}{new_id()}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def plain_files(folder: Path) -> list[Path]:
    """Return the files of a folder, in order; links are left out."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a small file so that it is on the disk, completely, when this returns."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def _existing(parent: Path, name: str, what: str) -> Path:
    path = parent / name if ID.fullmatch(name) else None
    if path is None or path.is_symlink() or not path.is_dir():
        raise not_found(what)
    return path


def _made(path: Path) -> Path:
    path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    return path
