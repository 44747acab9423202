"""DICOM in zip archives, unpacked where nothing in them can do harm.

An archive is written by whoever sent it: its names are never used, its sizes never believed.
"""

from __future__ import annotations

import errno
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from afunet.errors import InputError
from afunet.formats.file_search import unreadable
from afunet.formats.request import Request
from afunet.progress import CancelToken
from afunet.temporary import temporary_folder

SUFFIX = ".zip"
PREFIX = "afunet-unpacked-"
CHUNK_BYTES = 4 << 20
MOST_MEMBERS = 100_000
MOST_BYTES = 16 << 30
# CT in a zip shrinks to a third or so; what shrinks to a hundredth is no CT.
LARGEST_RATIO = 100
SMALL_BYTES = 16 << 20


def is_archive(path: Path) -> bool:
    """Whether a path is a zip file by its name."""
    return path.suffix.lower() == SUFFIX and path.is_file()


@contextmanager
def unpacked(request: Request) -> Iterator[Request]:
    """The request with folders of unpacked files for its archives; they go at the end.

    Raises `InputError` with a code for an archive that is broken or encrypted, that names a
    place outside itself, or that holds too much.
    """
    with ExitStack() as stack:
        paths = []
        for path in request.paths:
            if not is_archive(path):
                paths.append(path)
                continue
            folder = stack.enter_context(temporary_folder(PREFIX))
            _unpack(path, folder, request)
            paths.append(folder)
        yield replace(request, paths=tuple(paths))


def _unpack(path: Path, folder: Path, request: Request) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _require_harmless(path, members, shutil.disk_usage(folder).free)
            for number, member in enumerate(members, start=1):
                request.cancel.check()
                # No name of the archive is used: it may hold anything, or name the patient. No
                # member gives more than it declared: zipfile stops there.
                with archive.open(member) as source, (folder / f"{number:06d}").open("wb") as file:
                    _copy(source, file, request.cancel)
                request.progress("unpacking", number, len(members))
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, zlib.error):
        raise _broken(path) from None
    except OSError as reason:
        # zipfile's own, without a number, and a place before the archive's start.
        if reason.errno in (None, errno.EINVAL):
            raise _broken(path) from None
        raise unreadable(path, reason) from None
    except RuntimeError:  # zipfile's answer to a missing password
        raise InputError(
            f"{path.name} is encrypted: unpack it and give the folder", code="ENCRYPTED_ARCHIVE"
        ) from None


def _copy(source: IO[bytes], file: IO[bytes], cancel: CancelToken) -> None:
    while chunk := source.read(CHUNK_BYTES):
        file.write(chunk)
        cancel.check()


def _broken(path: Path) -> InputError:
    return InputError(
        f"{path.name} is no zip archive that can be read whole: send it again",
        code="ARCHIVE_BROKEN",
    )


def _require_harmless(path: Path, members: list[zipfile.ZipInfo], free_bytes: int) -> None:
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in member.filename[:2]:
            raise InputError(
                f"{path.name} holds a file that points outside the archive: do not trust it",
                code="ARCHIVE_PATH",
            )
    total = sum(member.file_size for member in members)
    packed = max(path.stat().st_size, 1)
    reasons = (
        (len(members) > MOST_MEMBERS, f"{len(members)} files, at most {MOST_MEMBERS} are read"),
        (total > MOST_BYTES, f"{total >> 30} GiB unpacked, at most {MOST_BYTES >> 30} are read"),
        (total > free_bytes, f"{total >> 20} MiB unpacked, {free_bytes >> 20} MiB are free here"),
        (
            total > max(SMALL_BYTES, LARGEST_RATIO * packed),
            f"{total >> 20} MiB packed into {packed >> 10} KiB, no CT shrinks that far",
        ),
    )
    for is_so, reason in reasons:
        if is_so:
            raise InputError(f"{path.name} holds too much: {reason}", code="ARCHIVE_SIZE")
