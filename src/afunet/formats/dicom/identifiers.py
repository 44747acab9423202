"""Check whether a name that will be shown or written identifies the patient."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from afunet.errors import AfunetError, Cancelled
from afunet.formats.dicom.archive import is_archive, opened_in
from afunet.formats.dicom.copied_elements import CHARACTER_SET, texts_of
from afunet.formats.dicom.files import START_BYTES, starts_as_dicom
from afunet.formats.dicom.told_text import names_any
from afunet.formats.file_search import files_below
from afunet.watch import CancelToken

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientBirthDate",
    "AccessionNumber",
    "StudyID",
)


def names_patient(text: str, path: Path, cancel: CancelToken | None = None) -> bool:
    """Whether `text` holds a name or number that identifies the patient of the DICOM at `path`.

    The words are compared without case with those of the first DICOM file found, also in an
    archive, which is read no further than needed; words of fewer than three letters do not count.
    False for other formats, whose files hold no identifiers. Raises `Cancelled`.
    """
    try:
        values = _identifiers_at(path, cancel or CancelToken())
    except Cancelled:
        raise
    except (AfunetError, InvalidDicomError, OSError, ValueError, TypeError, AttributeError):
        return False  # the reader will refuse the file
    return names_any(text, values)


def _identifiers_at(path: Path, cancel: CancelToken) -> list[str]:
    """The identifiers in the first DICOM file; empty if there is none."""
    for file, size in opened_in(path, cancel) if is_archive(path) else _opened(path, cancel):
        if starts_as_dicom(file.read(START_BYTES), size):
            file.seek(0)
            with warnings.catch_warnings(action="ignore"):  # pydicom's warnings quote the values
                header = dcmread(
                    file,
                    force=True,
                    stop_before_pixels=True,
                    specific_tags=[CHARACTER_SET, *IDENTIFYING],
                )
                return texts_of(header, IDENTIFYING)
    return []


def _opened(path: Path, cancel: CancelToken) -> Iterator[tuple[IO[bytes], int]]:
    for found in files_below((path,), cancel):
        if found.is_file():
            with found.open("rb") as file:
                yield file, found.stat().st_size
