"""Unpack DICOM, or one volume file, from zip archives safely.

Anybody may have written an archive: its file names are never used and its sizes never trusted.
"""

from __future__ import annotations

import errno
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from afunet.errors import InputError
from afunet.formats.file_kinds import DETACHED_SUFFIXES, VOLUME_SUFFIXES
from afunet.formats.file_search import unreadable
from afunet.formats.request import Request
from afunet.temporary import temporary_folder
from afunet.watch import CancelToken

SUFFIX = ".zip"
PREFIX = "afunet-unpacked-"
CHUNK_BYTES = 4 << 20
MAGICS = (b"PK\3\4", b"PK\5\6")
"""How archives with and without files begin."""
# Nested archives, such as a hospital's in an exporter's in a portal's.
DEEPEST = 3
# Suffixes of other files: they are kept, so that a message can name the kind of file.
KEPT_SUFFIXES = (*VOLUME_SUFFIXES, ".7z", ".rar", ".gz", ".tar")
MOST_MEMBERS = 100_000
MOST_BYTES = 16 << 30
# Zip compresses CT to about a third; what shrinks to a hundredth is not CT.
LARGEST_RATIO = 100
SMALL_BYTES = 16 << 20


def is_archive(path: Path) -> bool:
    """Whether a path is a zip file, by its suffix or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGICS[0])) in MAGICS
    except OSError as reason:
        raise unreadable(path, reason) from None


@contextmanager
def unpacked(request: Request) -> Iterator[Request]:
    """The request with its archives replaced by folders of their files, which are removed at exit.

    Archives in an archive are unpacked too. Raises `InputError` with a code for an archive that
    is broken or encrypted, that contains a path outside itself, or that holds too much.
    """
    with ExitStack() as stack:
        paths = []
        for path in request.paths:
            if not is_archive(path):
                paths.append(path)
                continue
            folder = stack.enter_context(temporary_folder(PREFIX))
            _Unpacking(path, request).into(path, folder)
            paths.append(folder)
        yield replace(request, paths=tuple(paths), given=request.named)


@contextmanager
def volume_unpacked(request: Request) -> Iterator[Request]:
    """The request; if its path is an archive of one volume file alone, with that file instead.

    The file is removed at exit. Files that macOS adds to an archive do not count. Raises as
    `unpacked` does.
    """
    path = request.path
    packed = len(request.paths) == 1 and not _kept_suffix(path.name) and is_archive(path)
    name = _only_volume(path) if packed else ""
    if not name:
        yield request
        return
    with unpacked(request) as whole:
        yield replace(whole, paths=(whole.path / name,))


def _only_volume(path: Path) -> str:
    """The unpacked name of the only file of an archive, "" if there are more or it is no volume."""
    with _told(path, path.name), zipfile.ZipFile(path) as archive:
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
    own = [(number, name) for number, name in enumerate(names, start=1) if not _is_of_macos(name)]
    number, name = own[0] if len(own) == 1 else (0, "")
    suffix = _kept_suffix(name)
    is_volume = suffix in VOLUME_SUFFIXES and suffix not in DETACHED_SUFFIXES
    return f"{number:06d}{suffix}" if is_volume else ""


def _is_of_macos(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1:] == (".DS_Store",)


def opened_in(path: Path, cancel: CancelToken, depth: int = 1) -> Iterator[tuple[IO[bytes], int]]:
    """Open each file of an archive in turn, also those of nested archives; yield it and its size.

    Only what is read is unpacked, except nested archives, which are unpacked completely. Raises
    `InputError` as `unpacked` does, and `Cancelled`.
    """
    with _told(path, path.name), zipfile.ZipFile(path) as archive, ExitStack() as stack:
        members = [member for member in archive.infolist() if not member.is_dir()]
        for number, member in enumerate(members):
            cancel.check()
            if not member.filename.lower().endswith(SUFFIX):
                with archive.open(member) as file:
                    yield file, member.file_size
                continue
            folder = stack.enter_context(temporary_folder(PREFIX))
            Held(max(path.stat().st_size, 1)).and_more([member]).require_few(
                path.name, shutil.disk_usage(folder).free
            )
            inner = folder / f"{number:06d}{SUFFIX}"
            with archive.open(member) as source, inner.open("wb") as target:
                _copy(source, target, cancel)
            if depth < DEEPEST:
                yield from opened_in(inner, cancel, depth + 1)


class _Unpacking:
    """Unpacks a given archive and those nested in it, counting their contents together."""

    def __init__(self, given: Path, request: Request) -> None:
        self._given, self._request = given, request
        self._held = Held(packed=max(given.stat().st_size, 1))

    def into(self, path: Path, folder: Path, depth: int = 1) -> None:
        shown = self._given.name if depth == 1 else f"an archive in {self._given.name}"
        if depth > DEEPEST:
            raise InputError(
                f"{self._given.name} holds archives nested more than {DEEPEST} deep: unpack it and "
                "give the folder",
                code="ARCHIVE_SIZE",
            )
        inner = []
        with _told(path, shown), zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _require_harmless(shown, members)
            self._held = self._held.and_more(members)
            self._held.require_few(self._given.name, shutil.disk_usage(folder).free)
            for number, member in enumerate(members, start=1):
                self._request.watch.check()
                # Names in the archive are not used: they may hold anything, or name the patient.
                # zipfile stops at the size that a member declares.
                target = folder / f"{number:06d}{_kept_suffix(member.filename)}"
                with archive.open(member) as source, target.open("wb") as file:
                    _copy(source, file, self._request.watch.cancel)
                self._request.watch.tell("unpacking", number, len(members))
                if member.filename.lower().endswith(SUFFIX) and is_archive(target):
                    inner.append(target)
        for number, target in enumerate(inner, start=1):
            below = folder / f"archive-{number:06d}"
            below.mkdir()
            self.into(target, below, depth + 1)
            target.unlink()


@dataclass(frozen=True)
class Held:
    """The number of files and bytes in an archive of `packed` bytes."""

    packed: int
    files: int = 0
    unpacked: int = 0

    def and_more(self, members: list[zipfile.ZipInfo]) -> Held:
        """Return the sum with the members of one more archive."""
        more = sum(member.file_size for member in members)
        return replace(self, files=self.files + len(members), unpacked=self.unpacked + more)

    def require_few(self, name: str, free_bytes: int) -> None:
        """Raise `InputError` if this is more than a CT can be, or more than fits on the disk."""
        total = self.unpacked
        if self.files > MOST_MEMBERS:
            reason = f"{self.files} files, expected at most {MOST_MEMBERS}"
        elif total > MOST_BYTES:
            reason = f"{total >> 30} GiB unpacked, expected at most {MOST_BYTES >> 30}"
        elif total > free_bytes:
            reason = f"{total >> 20} MiB unpacked, but only {free_bytes >> 20} MiB are free here"
        elif total > max(SMALL_BYTES, LARGEST_RATIO * self.packed):
            reason = (
                f"{total >> 20} MiB packed into {self.packed >> 10} KiB, more than any CT shrinks"
            )
        else:
            return
        raise InputError(
            f"{name} holds too much: {reason}; unpack only the CT and give its folder",
            code="ARCHIVE_SIZE",
        )


def _kept_suffix(name: str) -> str:
    lower = name.lower()
    return next((suffix for suffix in KEPT_SUFFIXES if lower.endswith(suffix)), "")


@contextmanager
def _told(path: Path, shown: str) -> Iterator[None]:
    """Turn zipfile's errors about an archive into one line."""
    try:
        yield
    except InputError:
        raise
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, zlib.error):
        raise _broken(shown) from None
    except OSError as reason:
        # zipfile's own errors have no number, or report an offset before the archive's start.
        if reason.errno in (None, errno.EINVAL):
            raise _broken(shown) from None
        raise unreadable(path, reason) from None
    except RuntimeError:  # zipfile's answer to a missing password
        raise InputError(
            f"{shown} is encrypted: unpack it and give the folder", code="ENCRYPTED_ARCHIVE"
        ) from None


def _copy(source: IO[bytes], file: IO[bytes], cancel: CancelToken) -> None:
    while chunk := source.read(CHUNK_BYTES):
        file.write(chunk)
        cancel.check()


def _broken(shown: str) -> InputError:
    return InputError(
        f"{shown} is not a complete zip archive: copy or send it again",
        code="ARCHIVE_BROKEN",
    )


def _require_harmless(shown: str, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in member.filename[:2]:
            raise InputError(
                f"{shown} holds a file with a path outside the archive: do not trust this archive",
                code="ARCHIVE_PATH",
            )
