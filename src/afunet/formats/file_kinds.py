"""Recognise the kind of a file by its first bytes, whatever its name."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from afunet.errors import InputError
from afunet.formats.file_search import unreadable

LOOKED_AT = 560  # a little more than the longest header needed, that of NIfTI-2
GZIP = b"\x1f\x8b"
NIFTI, NIFTI_PAIR, ANALYZE = "NIfTI", "NIfTI header of a pair", "Analyze 7.5"
NRRD, METAIMAGE, DICOM = "NRRD", "MetaImage", "DICOM"
SUFFIXES = {NIFTI: ".nii", NRRD: ".nrrd", METAIMAGE: ".mha", DICOM: ".dcm"}
NIFTI_SUFFIXES = (".nii", ".nii.gz")
NRRD_SUFFIXES, METAIMAGE_SUFFIXES = (".nrrd", ".nhdr"), (".mha", ".mhd")
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, *NRRD_SUFFIXES, *METAIMAGE_SUFFIXES)
DETACHED_SUFFIXES = (".nhdr", ".mhd")  # of headers whose voxels are in another file
# A file that begins like this is not an image, and copying it again does not help.
FOREIGN = {
    b"version https://git-lfs": (
        "a Git LFS pointer, not the file itself",
        "fetch it with git lfs pull",
    ),
    b"/annex/objects/": ("a git-annex pointer, not the file itself", "fetch it with git annex get"),
    b"PK\x03\x04": ("a zip archive", "unpack it first"),
    b"BZh": ("compressed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first"),
    b"\x89PNG": ("a PNG picture", "name it .png"),
    b"\xff\xd8\xff": ("a JPEG picture", "give the CT itself"),
    b"II*\x00": ("a TIFF picture", "write it as NIfTI or NRRD"),
    b"MM\x00*": ("a TIFF picture", "write it as NIfTI or NRRD"),
    b"%PDF": ("a PDF document", "give the CT itself"),
    b"\x89HDF": ("an HDF5 file", "write it as NIfTI or NRRD"),
    b"CDF\x01": ("a NetCDF (MINC) file", "write it as NIfTI or NRRD"),
    b"\x93NUMPY": ("a NumPy array without a position", "write it as NIfTI or NRRD"),
    b"\x00\x05\x16\x07": (
        "a metadata file of macOS, not the file itself",
        "take the file without ._",
    ),
}
PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<error", b"<head", b"<script")
AGAIN = "download or export it again"


@dataclass(frozen=True)
class FileKind:
    """A format by name (`NIFTI`, `NRRD` … or ""), compressed or not.

    If the name is "", `words` says what the file is and `remedy` what to do; both are "" if that is
    not known.
    """

    name: str
    compressed: bool = False
    words: str = ""
    remedy: str = ""


def kind_of(path: Path) -> FileKind:
    """Return the kind of a file; raises `InputError` if the file cannot be opened."""
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT)
        if not start.startswith(GZIP):
            return _kind(start)
        with gzip.open(path) as packed:
            inner = _kind(packed.read(LOOKED_AT))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return FileKind("", True, "compressed, and damaged or cut off at its start", AGAIN)
    except OSError as reason:
        raise unreadable(path, reason) from None
    words = f"{inner.words} (compressed)" if inner.words else ""
    return FileKind(inner.name, True, words, inner.remedy)


def require_kind(path: Path, *expected: str) -> FileKind:
    """Return the kind of a file; `InputError` that says what it is if it is not as expected."""
    kind = kind_of(path)
    if kind.name in expected:
        return kind
    if kind.name:
        suffix = SUFFIXES.get(kind.name, "")
        remedy = f"name it {suffix}" if suffix else f"give a {expected[0]} volume"
        raise InputError(
            f"{path.name} is {kind.name} by its content, not {expected[0]}: {remedy}",
            code="WRONG_KIND",
        )
    if kind.words:
        raise InputError(
            f"{path.name} is {kind.words}, not {expected[0]}: {kind.remedy}", code="WRONG_KIND"
        )
    raise InputError(
        f"{path.name} is broken or not {expected[0]}: copy or export it again", code="FILE_BROKEN"
    )


def _kind(start: bytes) -> FileKind:
    if start.startswith(GZIP):
        return FileKind("", words="compressed twice", remedy="unpack it once")
    if not start:
        return FileKind("", words="empty, a file of 0 bytes", remedy=AGAIN)
    name = _volume_format(start)
    if name:
        return FileKind(name)
    for mark, (words, remedy) in FOREIGN.items():
        if start.startswith(mark):
            return FileKind("", words=words, remedy=remedy)
    if not any(start):
        return FileKind("", words="empty, its first bytes are all zero", remedy=AGAIN)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(PAGES):
        return FileKind("", words="a web page, perhaps from a failed download", remedy=AGAIN)
    if text.startswith((b"{", b"[")):
        return FileKind("", words="JSON text, perhaps from a failed download", remedy=AGAIN)
    return FileKind("")


def _volume_format(start: bytes) -> str:
    if start[344:348] == b"n+1\x00" or start[4:8] == b"n+2\x00":
        return NIFTI
    if start[344:348] == b"ni1\x00" or start[4:8] == b"ni2\x00":
        return NIFTI_PAIR
    if start.startswith(b"NRRD000"):
        return NRRD
    if start[128:132] == b"DICM":
        return DICOM
    if b"\nNDims" in start or start.startswith((b"NDims", b"ObjectType")):
        return METAIMAGE
    if len(start) >= 348 and 348 in (
        int.from_bytes(start[:4], "little"),
        int.from_bytes(start[:4], "big"),
    ):
        return ANALYZE
    return ""
