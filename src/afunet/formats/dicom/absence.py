"""Explain why a path holds no DICOM, from what is there instead."""

from __future__ import annotations

from pathlib import Path

from afunet.errors import InputError
from afunet.formats.dicom.archive import is_archive
from afunet.formats.dicom.files import FoundFiles
from afunet.formats.file_kinds import VOLUME_SUFFIXES
from afunet.formats.request import Request

# Archives that are not unpacked here: offset, bytes at that offset, kind.
FOREIGN_ARCHIVES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!", "RAR"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ", "xz"),
    (257, b"ustar", "tar"),
)
MOST_NAMED = 3


def nothing_found(request: Request, found: FoundFiles) -> InputError:
    """The refusal of a request without DICOM: what was found, and what to give instead."""
    shown = request.named[0]
    if found.directories:
        return InputError(
            f"the DICOMDIR in {shown} lists images, but none of them is here: copy the whole "
            "medium, including the folders beside the DICOMDIR",
            code="NO_DICOM",
        )
    if len(request.paths) == 1 and request.path.is_file():
        return InputError(f"{shown} is {_what_it_is(request.path)}", code="NO_DICOM")
    count = f"{len(found.others)} file{'s' * (len(found.others) != 1)}"
    return InputError(
        f"no DICOM file among {count} in {shown}{_links(found)}: {_instead(request, found)}",
        code="NO_DICOM",
    )


def foreign_archive(path: Path) -> str:
    """The kind of an archive that is not unpacked here, by its first bytes; "" for none."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return ""
    kinds = (kind for at, magic, kind in FOREIGN_ARCHIVES if start[at:].startswith(magic))
    return next(kinds, "")


def _what_it_is(path: Path) -> str:
    if kind := foreign_archive(path):
        return f"a {kind} archive: unpack it and give the folder"
    if path.stat().st_size == 0:
        return "empty: copy it again"
    return (
        "neither DICOM nor another format that afunet reads: give a DICOM folder, a .nii, .nii.gz, "
        ".nrrd or .mha file, or a folder of PNG slices"
    )


def _instead(request: Request, found: FoundFiles) -> str:
    volumes = [path for path in found.others if path.name.lower().endswith(VOLUME_SUFFIXES)]
    if request.given != request.paths and request.given:  # unpacked: the files have no names
        archive = next(filter(None, map(foreign_archive, found.others)), "")
        kind = "volume file" if volumes else archive and f"{archive} archive"
        return (
            f"it holds a {kind}: unpack it and give that file or folder"
            if kind
            else "give a folder or an archive with a DICOM series"
        )
    if volumes:
        return f"give {_named(volumes, request.path)} by name"
    archives = [path for path in found.others if _is_zip(path) or foreign_archive(path)]
    if not archives:
        return "give a folder with a DICOM series, or one volume file by name"
    if _is_zip(archives[0]):
        return f"give {_named(archives, request.path)} by name"
    return f"unpack {_named(archives, request.path)} and give the folder"


def _named(paths: list[Path], folder: Path) -> str:
    """Files by name if they lie in the given folder itself, otherwise their number."""
    here = [path.name for path in paths if path.parent == folder]
    if not here:
        many = len(paths) > 1
        return f"{'one of the ' * many}{len(paths)} file{'s' * many} in the folders below"
    more = len(paths) - len(here[:MOST_NAMED])
    return " or ".join(here[:MOST_NAMED]) + (f" (or one of {more} more)" if more else "")


def _links(found: FoundFiles) -> str:
    words = []
    if found.links_passed:
        words.append(f"links skipped as leading to nothing new: {found.links_passed}")
    if found.links_followed:
        words.append(f"linked folders searched: {found.links_followed}")
    return f" ({', '.join(words)})" if words else ""


def _is_zip(path: Path) -> bool:
    try:
        return is_archive(path)
    except InputError:
        return False
