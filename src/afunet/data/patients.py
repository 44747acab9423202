"""Which cases belong to one patient, and which names may be shown, without identifying anyone.

A name from a header never leaves this file: it is hashed with a salt that exists only while the
process runs. A name that a data set gives to a case or patient is kept only if each of its words
is a number or a common word of such data sets. Other names become pseudonyms computed from the
images, so that the same files always get the same pseudonym.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom import dcmread

from afunet.anatomy.bones import NAMED
from afunet.formats.dicom.copied_elements import texts_of
from afunet.formats.dicom.files import looks_like_dicom
from afunet.formats.dicom.identifiers import names_patient

_SALT = secrets.token_bytes(32)
LONGEST_NUMBER = 5  # longer ones may be a date of birth or a hospital's number
LONGEST_CODE = 2
ANONYMOUS = re.compile(r"^(anon\w*|unknown|none|test|patient|name|removed|deidentified|x*|0*)$")
_OF_DATA_SETS = """
    ankle arm arms axial bone bones both calf case cases coronal ct data dataset demo dicom
    distal exact feet femora first fold folder follow four hand head hip image
    images img input knee knees label last left leg legs limb lower mask middle mm new next
    nifti old one original part pat patient phantom post pre proximal right
    sacrum sample scan scans second section series set side sim simulated slice slices study sub
    subject talus test thigh thighs third three total train two upper val validation vol
    volume
"""
_OF_FILE_NAMES = "csv dcm gz ima mha mhd nhdr nii nrrd png"
COMMON_WORDS = frozenset((*NAMED, *_OF_DATA_SETS.split(), *_OF_FILE_NAMES.split()))


def is_harmless(name: str, image: Path | None = None) -> bool:
    """Whether a name identifies nobody: common words, short codes and short numbers only.

    It must not contain a word of the patient's name or number in the DICOM at `image` either.
    """
    words = re.findall(r"[^\W\d_]+|\d+", name)
    harmless = all(_is_harmless_word(word) for word in words) and bool(words)
    return harmless and not (image is not None and names_patient(name, image))


def identity_of(image: Path) -> str:
    """A salted hash of the patient in a DICOM file or folder, "" if none is named.

    The hash is of the patient's number or, without one, of the name and date of birth. It is the
    same for the same patient within one process only. Placeholders such as ANONYMOUS are ignored.
    """
    file = _first_dicom(image)
    if file is None:
        return ""
    keywords = ["PatientID", "PatientName", "PatientBirthDate"]
    try:
        header = dcmread(file, force=True, stop_before_pixels=True, specific_tags=list(keywords))
        number, name, born = texts_of(header, keywords)
    except Exception:  # the reader will refuse the file with its own message
        return ""
    for called, more in ((number, ""), (name, born)):
        if not ANONYMOUS.match(_plain(called)):
            text = f"{_plain(called)}\n{_plain(more)}"
            return hmac.new(_SALT, text.encode(), hashlib.sha256).hexdigest()
    return ""


def grouped(keys: Sequence[frozenset[str]]) -> list[int]:
    """The group of each item; items that share a key, directly or through others, are one group."""
    group = list(range(len(keys)))
    holder: dict[str, int] = {}

    def root(item: int) -> int:
        while group[item] != item:
            item = group[item]
        return item

    for item, own in enumerate(keys):
        for key in own:
            group[root(item)] = root(holder.setdefault(key, item))
    return [root(item) for item in range(len(keys))]


def pseudonym(prefix: str, fingerprints: Iterable[str]) -> str:
    """A name computed from the images alone; their order does not matter."""
    digest = hashlib.sha256("\n".join(sorted(fingerprints)).encode()).hexdigest()
    return f"{prefix}-{digest[:8]}"


def scrubbed(text: str, paths: Sequence[Path], names: Sequence[str], instead: str) -> str:
    """The line with `instead` in place of paths and names that may identify a patient."""
    words = {str(path) for path in paths} | {str(path.parent) for path in paths}
    words |= {path.name for path in paths} | {path.parent.name for path in paths} | set(names)
    for word in sorted(words - {"", ".", "/"}, key=len, reverse=True):
        if not is_harmless(word):
            text = text.replace(word, instead)
    return text


def _is_harmless_word(word: str) -> bool:
    if word.isdecimal():
        return len(word) <= LONGEST_NUMBER
    is_code = len(word) <= LONGEST_CODE and word.isascii()  # two letters may be a whole name
    return is_code or word.lower() in COMMON_WORDS


def _first_dicom(image: Path) -> Path | None:
    if image.is_file():
        return image if looks_like_dicom(image) else None
    files = sorted(path for path in image.rglob("*") if path.is_file()) if image.is_dir() else []
    return next((path for path in files if looks_like_dicom(path)), None)


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\W_]+", text.casefold())).strip()
