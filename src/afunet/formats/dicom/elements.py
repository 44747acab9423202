"""Read elements of a DICOM header as values; an element that cannot be read counts as missing."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from afunet.formats.dicom.copied_elements import texts_of
from afunet.formats.dicom.told_text import told_text

# The header keeps only whether two images are of the same patient.
PATIENT = ("PatientID", "PatientName", "PatientBirthDate")
# The elements that place an image, and how many numbers each holds.
PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
FIGURES = re.compile(r"(?:[-+0-9.,eE\\ ]|nan|inf)*", re.IGNORECASE)
LONGEST_SHOWN = 60


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Each value as text, with runs of white space as one space; empty if missing."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises many types for an element that cannot be parsed
        value = None
    if value is None:
        return ()
    items = [value] if isinstance(value, str | bytes) or not hasattr(value, "__iter__") else value
    return tuple(" ".join(str(item).split()) for item in items)


def text(dataset: Dataset, keyword: str) -> str:
    """All values as one text, "" for none."""
    return " ".join(texts(dataset, keyword)).strip()


def each_text(dataset: Dataset, *keywords: str) -> tuple[str, ...]:
    """The text of several elements."""
    return tuple(text(dataset, keyword) for keyword in keywords)


def word(dataset: Dataset, keyword: str) -> str:
    """The text in upper case, as in DICOM's own terms."""
    return text(dataset, keyword).upper()


def told(dataset: Dataset, keyword: str) -> str:
    """The text, "" if it may name the patient (`told_text`)."""
    return told_text(text(dataset, keyword), texts_of(dataset, PATIENT))


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number, or None."""
    found = _numbers(dataset, keyword, 1)
    return None if found is None else float(found[0])


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One number without its fraction, or None."""
    found = number(dataset, keyword)
    return None if found is None else int(found)


def count(dataset: Dataset, keyword: str, unsaid: int = 0) -> int:
    """One whole number; `unsaid` if it is missing or 0."""
    return integer(dataset, keyword) or unsaid


def bits_stored(dataset: Dataset, stored: str, allocated: str) -> int:
    """Bits Stored, or Bits Allocated if that is missing."""
    return count(dataset, stored) or count(dataset, allocated, unsaid=16)


def high_bit(dataset: Dataset, high: str, stored: str, allocated: str) -> int:
    """High Bit; if it is missing, its value for stored bits at the lower end."""
    found = integer(dataset, high)
    return bits_stored(dataset, stored, allocated) - 1 if found is None else found


def vector(dataset: Dataset, keyword: str) -> NDArray[np.float64] | None:
    """As many finite numbers as `PLACE` gives for the element, or None."""
    return _numbers(dataset, keyword, PLACE[keyword])


def pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """Two finite numbers, or None."""
    found = _numbers(dataset, keyword, 2)
    return None if found is None else (float(found[0]), float(found[1]))


def no_vectors(dataset: Dataset, *keywords: str) -> tuple[tuple[str, str], ...]:
    """The elements that are not a valid `vector`, each with its text if that is only figures."""
    found = []
    for keyword in keywords:
        values = texts(dataset, keyword)
        if any(values) and vector(dataset, keyword) is None:
            shown = "\\".join(values)[:LONGEST_SHOWN]
            found.append((keyword, shown if FIGURES.fullmatch(shown) else ""))
    return tuple(found)


def pseudonyms(dataset: Dataset, *keywords: str) -> tuple[int, ...]:
    """Salted hashes that only show, within this process, whether two values are equal.

    Case and punctuation do not count: `Doe^Jo^^` equals `DOE^JO`. 0 stands for no value.
    """
    values = map(str.casefold, each_text(dataset, *keywords))
    letters = ("".join(filter(str.isalnum, value)) for value in values)
    return tuple(hash(value) if value else 0 for value in letters)


def stored_range(
    dataset: Dataset, first: str, last: str, allocated: str, signed: str
) -> tuple[int, int] | None:
    """The lowest and highest of a range of stored values, with the sign of the pixels."""
    value = integer(dataset, first)
    if value is None:
        return None
    limit = integer(dataset, last)
    ends = [value] if limit is None else [value, limit]
    if integer(dataset, signed) == 1:
        # Some writers store a signed value's bits as an unsigned number.
        bits = count(dataset, allocated, unsaid=16)
        ends = [end - (1 << bits) if end >= 1 << (bits - 1) else end for end in ends]
    return min(ends), max(ends)


def _numbers(dataset: Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    try:
        found = np.array([float(item) for item in texts(dataset, keyword)])
    except ValueError:
        return None
    return found if found.shape == (count,) and np.isfinite(found).all() else None
