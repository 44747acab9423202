"""Uploaded files get the names by which readers know them: a number, and a suffix by content.

A header whose voxels are in another file is joined with the one other file of its upload. What it
says of that file's place is never followed, as it could lead to any file of this computer.
"""

from __future__ import annotations

import re
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.file_kinds import (
    ANALYZE,
    DICOM,
    GZIP,
    METAIMAGE,
    NIFTI_PAIR,
    NRRD,
    SUFFIXES,
    kind_of,
)
from afunet.server.home import plain_files
from afunet.whole_file import whole_file
from afunet.workflows.edited_pages import placed

ZIP, PNG = b"PK\x03\x04", b"\x89PNG"
LONGEST_HEADER = 1 << 16
DATA_FILE = {
    NRRD: re.compile(rb"[\r\n][ \t]*data[ \t]*file[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE),
    METAIMAGE: re.compile(rb"ElementDataFile\s*[=:][ \t]*([^\r\n]*)", re.IGNORECASE),
}
NRRD_END = re.compile(rb"\n\r?\n|\r\r")
LOCAL = {b"LOCAL", b"Local", b"local"}
PLAIN_NAME = re.compile(rb"[^/\\%:\x00-\x1f]{1,255}")
JOINED = {NRRD: ".nhdr", METAIMAGE: ".mhd"}
HALF, VOXELS = ".hdr", ".img"
HEADERS = (HALF, *JOINED.values())


def scan_files(folder: Path) -> list[Path]:
    """Return the files that a reader is given: of a header with a data file, the header."""
    files = plain_files(folder)
    return [path for path in files if path.suffix in HEADERS] or files


def name_by_content(folder: Path) -> None:
    """Give the files of an upload suffixes, and join a header with its data file.

    Raises `InputError` for a header that names a file at another place (`HEADER_PATH`) and for one
    that did not come with its data file alone (`NO_PARTNER`).
    """
    for link in folder.glob(f"*{VOXELS}"):
        link.unlink()
    files = plain_files(folder)
    kinds = {path: _kind(path) for path in files}
    headers = [path for path in files if _is_detached(path, kinds[path])]
    joined = bool(headers) and DICOM not in kinds.values()
    if joined and (len(headers), len(files)) != (1, 2):
        raise InputError(
            f"{len(files)} files came, of which {len(headers)} are headers without voxels; "
            "expected one header and its data file",
            code="NO_PARTNER",
        )
    for path in files:
        suffix = "" if joined or path in headers else _suffix(path, kinds[path])
        path.rename(path.with_name(number_of(path) + suffix))
    if joined:
        (data,) = {*files} - {*headers}
        _join(folder / number_of(headers[0]), folder / number_of(data), kinds[headers[0]])


def number_of(path: Path) -> str:
    """Return the number of an uploaded file, which is its name without suffixes."""
    return path.name.partition(".")[0]


def require_whole(path: Path) -> None:
    """Raise `InputError` (`HEADER_PATH`) for a header whose voxels are in another file."""
    if _is_detached(path, _kind(path)):
        raise InputError(
            "the file is a header that names another file: send a volume in one file",
            code="HEADER_PATH",
        )


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(len(ZIP))
    return "" if start in (ZIP, PNG) else kind_of(path).name


def _suffix(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        start = file.read(len(ZIP))
    if start in (ZIP, PNG):
        return ".zip" if start == ZIP else ".png"
    suffix = SUFFIXES.get(kind, "")
    return suffix + (".gz" if suffix == ".nii" and start.startswith(GZIP) else "")


def _is_detached(path: Path, kind: str) -> bool:
    """Whether a file is a header alone.

    Raises `InputError` for a header in which another program could read another name than we do.
    """
    if kind in (NIFTI_PAIR, ANALYZE):
        return True
    if kind not in DATA_FILE:
        return False
    header = _header(path)
    named = [name.strip() for name in DATA_FILE[kind].findall(header)]
    ends = kind == NRRD and NRRD_END.search(header)
    if len(named) > 1 or not (ends or named):
        raise InputError(
            f"the header of the {kind} file is broken: export it again", code="FILE_BROKEN"
        )
    return bool(named) and not (kind == METAIMAGE and named[0] in LOCAL)


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST_HEADER)


def _join(header: Path, data: Path, kind: str) -> None:
    if kind in JOINED:
        _name_data(header, data.name, kind)
    else:
        placed(data, header.with_suffix(VOXELS))
    header.rename(header.with_suffix(JOINED.get(kind, HALF)))


def _name_data(header: Path, name: str, kind: str) -> None:
    """Write the name of the data file into its header, in the place of any other."""
    content = _header(header)
    found = DATA_FILE[kind].search(content)
    assert found is not None
    told = found[1].strip()
    if not PLAIN_NAME.fullmatch(told) or told in (b".", b"..") or told.split()[0] == b"LIST":
        raise InputError(
            "the header names something else than one data file beside it: save the volume in one "
            "file",
            code="HEADER_PATH",
        )
    if header.stat().st_size > len(content):
        raise InputError("the header is too long: save the volume in one file", code="FILE_BROKEN")
    with whole_file(header) as unfinished:
        unfinished.write_bytes(content[: found.start(1)] + name.encode() + content[found.end(1) :])
