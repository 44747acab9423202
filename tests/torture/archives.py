"""Zip archives: good ones, and ones that lie, leave their folder or swell."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

ARCHIVE = "scan.zip"
BOMB_BYTES = 96 * 2**20

LOCAL_HEADER, CENTRAL_HEADER = b"PK\3\4", b"PK\1\2"
# Where a member's flags and its size when unpacked stand in the local and central headers.
FLAGS_AT = {LOCAL_HEADER: 6, CENTRAL_HEADER: 8}
SIZE_AT = {LOCAL_HEADER: 22, CENTRAL_HEADER: 24}


def zip_folder(folder: Path) -> Path:
    """Move all files of a folder into an archive in it, under a folder of their own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    archive = folder / ARCHIVE
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for path in files:
            target.write(path, Path("CD", path.relative_to(folder)).as_posix())
            path.unlink()
    return archive


def add_member(archive: Path, name: str, content: bytes = b"out") -> None:
    """Add a member of any name, also one that leaves the folder."""
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(zipfile.ZipInfo(name), content)


def add_link(archive: Path, name: str, to: str) -> None:
    """Add a symbolic link, as archives from Unix hold it."""
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as target:
        target.writestr(member, to)


def add_bomb(archive: Path, name: str = "CD/BOMB") -> None:
    """Add a member that is about a thousand times as large as what is packed of it."""
    block = bytes(2**20)
    with (
        zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as target,
        target.open(name, "w") as member,
    ):
        for _ in range(BOMB_BYTES // len(block)):
            member.write(block)


def understate_sizes(archive: Path) -> None:
    """Say of every member that it is no more than 100 bytes when unpacked."""
    _patch(archive, SIZE_AT, "<I", lambda size: min(size, 100))


def mark_encrypted(archive: Path) -> None:
    """Say of every member that it is encrypted."""
    _patch(archive, FLAGS_AT, "<H", lambda flags: flags | 1)


def cut(archive: Path) -> None:
    """Drop the last third of an archive, its directory with it."""
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) * 2 // 3])


def _patch(
    archive: Path, places: dict[bytes, int], form: str, change: Callable[[int], int]
) -> None:
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as source:
        members, directory = source.infolist(), source.start_dir
    starts = [(member.header_offset, LOCAL_HEADER) for member in members]
    at = directory
    for _ in members:
        starts.append((at, CENTRAL_HEADER))
        lengths = struct.unpack_from("<HHH", content, at + 28)
        at += 46 + sum(lengths)
    for start, kind in starts:
        assert content[start : start + 4] == kind
        place = start + places[kind]
        struct.pack_into(form, content, place, change(struct.unpack_from(form, content, place)[0]))
    archive.write_bytes(bytes(content))
