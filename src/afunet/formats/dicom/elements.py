"""Elements of a DICOM header as values; one that cannot be understood counts as not there."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from afunet.formats.dicom.copied_elements import texts_of
from afunet.formats.dicom.told_text import told_text

# Of whose an image is, only whether two are of the same patient is kept.
PATIENT = ("PatientID", "PatientName", "PatientBirthDate")
# What places an image, and of how many numbers it is made.
PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
FIGURES = re.compile(r"(?:[-+0-9.,eE\\ ]|nan|inf)*", re.IGNORECASE)
LONGEST_SHOWN = 60


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Each value as text, runs of white space as one space."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom raises many types for an element whose bytes make no sense
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
    """The text in upper case, as DICOM writes its own words."""
    return text(dataset, keyword).upper()


def told(dataset: Dataset, keyword: str) -> str:
    """The text, "" where it may name the patient (`told_text`)."""
    return told_text(text(dataset, keyword), texts_of(dataset, PATIENT))


def number(dataset: Dataset, keyword: str) -> float | None:
    """One finite number."""
    found = _numbers(dataset, keyword, 1)
    return None if found is None else float(found[0])


def integer(dataset: Dataset, keyword: str) -> int | None:
    """One number, its fraction cut off."""
    found = number(dataset, keyword)
    return None if found is None else int(found)


def count(dataset: Dataset, keyword: str, unsaid: int = 0) -> int:
    """One whole number; `unsaid` where there is none, or 0."""
    return integer(dataset, keyword) or unsaid


def bits_stored(dataset: Dataset, stored: str, allocated: str) -> int:
    """Bits Stored, or all that are allocated."""
    return count(dataset, stored) or count(dataset, allocated, unsaid=16)


def high_bit(dataset: Dataset, high: str, stored: str, allocated: str) -> int:
    """High Bit, or where it lies if the stored bits are the lowest."""
    found = integer(dataset, high)
    return bits_stored(dataset, stored, allocated) - 1 if found is None else found


def vector(dataset: Dataset, keyword: str) -> NDArray[np.float64] | None:
    """So many finite numbers as `PLACE` asks of the element."""
    return _numbers(dataset, keyword, PLACE[keyword])


def pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """Two finite numbers, to be compared."""
    found = _numbers(dataset, keyword, 2)
    return None if found is None else (float(found[0]), float(found[1]))


def no_vectors(dataset: Dataset, *keywords: str) -> tuple[tuple[str, str], ...]:
    """The elements that hold something else than a `vector`, with what of it is made of figures."""
    found = []
    for keyword in keywords:
        values = texts(dataset, keyword)
        if any(values) and vector(dataset, keyword) is None:
            shown = "\\".join(values)[:LONGEST_SHOWN]
            found.append((keyword, shown if FIGURES.fullmatch(shown) else ""))
    return tuple(found)


def pseudonyms(dataset: Dataset, *keywords: str) -> tuple[int, ...]:
    """Numbers that only mean something beside others of this process: their hashes are salted.

    Case and punctuation do not count: `Doe^Jo^^` is `DOE^JO`. 0 stands for no value.
    """
    values = map(str.casefold, each_text(dataset, *keywords))
    letters = ("".join(filter(str.isalnum, value)) for value in values)
    return tuple(hash(value) if value else 0 for value in letters)


def stored_range(
    dataset: Dataset, first: str, last: str, allocated: str, signed: str
) -> tuple[int, int] | None:
    """The lowest and the highest of a range of stored values, signed as the pixels are."""
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
