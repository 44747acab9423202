"""The data folder of a node: images as they came, results as they leave, and two SQLite files."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from afunet.errors import OutputError
from afunet.temporary import take_lock

PRIVATE = 0o700
KEY_BYTES, NAME_BYTES = 32, 12


@dataclass(frozen=True)
class Home:
    """Where everything lies. No name in it is made from outside: UIDs are digested with a key."""

    path: Path

    @property
    def images(self) -> Path:
        """A folder for each series, with its images under random names."""
        return self.path / "images"

    @property
    def results(self) -> Path:
        """A folder for each job."""
        return self.path / "results"

    @property
    def database(self) -> Path:
        """The file of the series, images and deliveries."""
        return self.path / "node.sqlite"

    @property
    def ledger(self) -> Path:
        """The file of the jobs."""
        return self.path / "jobs.sqlite"

    @property
    def free_bytes(self) -> int:
        """What is free on its disk."""
        return shutil.disk_usage(self.path).free

    @cached_property
    def _key(self) -> bytes:
        return (self.path / "key").read_bytes()

    def name_of(self, uid: str) -> str:
        """Return the name of a UID here and in the log; nobody can go back without the key."""
        return hashlib.blake2b(uid.encode(), key=self._key, digest_size=NAME_BYTES).hexdigest()

    def prepare(self) -> None:
        """Make what is missing; raises `OutputError` if that is impossible."""
        try:
            for folder in (self.path, self.images, self.results):
                folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            if not (self.path / "key").exists():
                write_durably(self.path / "key", secrets.token_bytes(KEY_BYTES))
        except OSError as reason:
            raise OutputError(
                f"cannot write to {self.path}: {reason.strerror or reason}; change data"
            ) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder; raises `OutputError` (`FOLDER_IN_USE`) if another node does."""
        self.prepare()
        with (self.path / ".lock").open("ab") as lock:
            try:
                take_lock(lock)
            except OSError:
                raise OutputError(
                    f"another node works in {self.path}: end it, or change data",
                    code="FOLDER_IN_USE",
                ) from None
            yield


def write_durably(path: Path, content: bytes) -> None:
    """Write a file; when this returns it is on the disk. After an error there is none."""
    part = path.with_name(f".part-{secrets.token_hex(8)}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system can do so."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
