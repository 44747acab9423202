"""Find DICOM images among files, whatever their names, and open them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import VR

from afunet.errors import InputError
from afunet.formats.dicom.copied_elements import copied_elements
from afunet.formats.dicom.enhanced import frame_headers, is_enhanced
from afunet.formats.dicom.header import KEYWORDS, Encoding, Header, header_of
from afunet.formats.file_search import search, unreadable
from afunet.formats.request import Request

PREAMBLE_BYTES = 128
PREFIX = b"DICM"
START_BYTES = PREAMBLE_BYTES + len(PREFIX)
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
# The groups that a data set without a file header can start with: file meta and identification.
FIRST_GROUPS = (0x0002, 0x0008)
GROUP_LENGTH = 0x0000
VALUE_REPRESENTATIONS = frozenset(VR)


@dataclass(frozen=True)
class FoundFiles:
    """The DICOM headers that were found, and the other files.

    `others` are the files that are not DICOM; `directories` are DICOMDIR files, which list others
    and hold no image (PS3.3 annex F); `broken` are the refusals of files and folders that cannot be
    read; `links_followed` and `links_passed` are those of `FilesFound`.
    """

    headers: tuple[Header, ...]
    others: tuple[Path, ...] = ()
    directories: tuple[Path, ...] = ()
    broken: tuple[InputError, ...] = ()
    links_followed: int = 0
    links_passed: int = 0


def find_headers(request: Request) -> FoundFiles:
    """Read the headers of all DICOM files at and below the request's paths.

    Files that a DICOMDIR lists are found by searching its folder. Files and folders that cannot be
    opened and DICOM files that end before their image are in `broken`.
    """
    found = search(request.paths, request.watch.cancel)
    headers: list[Header] = []
    others: list[Path] = []
    broken = list(found.unreadable)
    directories: list[Path] = []
    for done, path in enumerate(found.files, start=1):
        request.watch.check()
        try:
            if not looks_like_dicom(path):
                others.append(path)
            else:
                of_file = read_headers(path)
                headers += of_file
                directories += [path] * (not of_file)
        except InputError as refusal:
            broken.append(refusal)
        request.watch.tell("reading headers", done, len(found.files))
    return FoundFiles(
        tuple(headers),
        tuple(others),
        tuple(directories),
        tuple(broken),
        found.links_followed,
        found.links_passed,
    )


def looks_like_dicom(path: Path) -> bool:
    """Whether a file starts like DICOM (`starts_as_dicom`)."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return starts_as_dicom(file.read(START_BYTES), path.stat().st_size)
    except OSError as reason:
        raise unreadable(path, reason) from None


def starts_as_dicom(start: bytes, size: int) -> bool:
    """Whether a file of `size` bytes starts with DICOM's prefix or a plausible first element.

    Old exports have no preamble and no prefix (PS3.10 section 7.1 requires both). Their first
    element is of a low group and has a known value representation or a possible length. `start`
    holds the first `START_BYTES`, or all bytes of a shorter file.
    """
    return start[PREAMBLE_BYTES:START_BYTES] == PREFIX or _starts_with_element(start, size)


def read_header(path: Path) -> Header | None:
    """Read the header of a DICOM file with one image; None for a DICOMDIR or several frames."""
    headers = read_headers(path)
    return headers[0] if len(headers) == 1 else None


def read_headers(path: Path) -> tuple[Header, ...]:
    """Read the headers of a DICOM file, one for each frame; none for a DICOMDIR.

    Raises `InputError` for a broken file.
    """
    with broken_files_refused(path):
        dataset = dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(KEYWORDS))
        has_syntax = _complete_syntax(dataset)
        copied = copied_elements(dataset)
        meta = dataset.file_meta
        if meta.get("MediaStorageSOPClassUID") == MEDIA_STORAGE_DIRECTORY:
            return ()
        encoding = Encoding(
            transfer_syntax=str(meta.TransferSyntaxUID),
            has_file_header=dataset.preamble is not None,
            has_syntax=has_syntax,
        )
        if is_enhanced(dataset):
            headers = frame_headers(dataset, path, encoding)
        else:
            headers = (header_of(dataset, path, encoding),)
    if any(header.ends_early for header in headers):
        raise InputError(
            f"the DICOM file {path.name} ends before its image: copy it again", code="CUT_FILE"
        )
    return tuple(replace(header, copied=copied.facts(header.frame)) for header in headers)


def open_dataset(path: Path) -> FileDataset:
    """Open a DICOM file with or without file header, and set the transfer syntax if missing."""
    dataset = dcmread(path, force=True)
    _complete_syntax(dataset)
    return dataset


def _complete_syntax(dataset: FileDataset) -> bool:
    """Set the transfer syntax if the file names none; return whether it names one.

    A file without one is little endian (PS3.10 section 7.1 requires a header, PS3.5 section 10.1
    makes implicit little endian the default).
    """
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if dataset.file_meta.get("TransferSyntaxUID"):
        return True
    implicit, _ = dataset.original_encoding
    guessed = ExplicitVRLittleEndian if implicit is False else ImplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = guessed
    return False


@contextmanager
def broken_files_refused(path: Path) -> Iterator[None]:
    """Turn pydicom's errors about a broken file into one line, and suppress its warnings."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except InputError:
        raise
    except Exception as reason:  # pydicom raises many types on broken bytes
        if isinstance(reason, OSError) and reason.errno is not None:
            raise unreadable(path, reason) from None
        raise InputError(
            f"the DICOM file {path.name} is broken: copy it again", code="CUT_FILE"
        ) from None


def syntax_name(transfer_syntax: str) -> str:
    """The name of a transfer syntax, or its UID if the standard has no name."""
    return syntax_of(transfer_syntax).name


def _starts_with_element(start: bytes, size: int) -> bool:
    group, element = (int.from_bytes(start[at : at + 2], "little") for at in (0, 2))
    if len(start) < 8 or group not in FIRST_GROUPS:
        return False
    if element != GROUP_LENGTH and not dictionary_has_tag((group, element)):
        return False
    if start[4:6].decode("latin-1") in VALUE_REPRESENTATIONS:
        return True
    return int.from_bytes(start[4:8], "little") <= size - 8


def syntax_of(text: str) -> UID:
    """The transfer syntax as a UID, without pydicom's warning, which would quote a broken one."""
    return UID(text, IGNORE)
