"""Whether a name that is about to be shown or written names the patient."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from afunet.errors import AfunetError
from afunet.formats.dicom.archive import unpacked
from afunet.formats.dicom.copied_elements import CHARACTER_SET, texts_of
from afunet.formats.dicom.files import looks_like_dicom
from afunet.formats.file_search import files_below
from afunet.formats.request import Request
from afunet.progress import CancelToken

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "PatientBirthDate",
    "AccessionNumber",
    "StudyID",
)
SHORTEST_TOKEN = 3


def names_patient(text: str, path: Path) -> bool:
    """Whether `text` holds a name or number that identifies the patient of the DICOM at `path`.

    Compared without case, word by word, by the first DICOM file found; words under three letters
    do not count. False for other formats, whose files hold no identifier to compare with.
    """
    try:
        with warnings.catch_warnings(), unpacked(Request((path,))) as whole:
            warnings.simplefilter("ignore")  # pydicom's quote the values
            files = files_below(whole.paths, CancelToken())
            first = next((file for file in files if looks_like_dicom(file)), None)
            if first is None:
                return False
            header = dcmread(first, force=True, specific_tags=[CHARACTER_SET, *IDENTIFYING])
            values = " ".join(texts_of(header, IDENTIFYING))
    except (AfunetError, InvalidDicomError, OSError, ValueError, TypeError, AttributeError):
        return False  # the reader will refuse it in its own words
    words = {word for word in _words(values) if len(word) >= SHORTEST_TOKEN}
    return any(word in text.casefold() for word in words)


def _words(text: str) -> list[str]:
    return re.split(r"[\W_^]+", text.casefold())
