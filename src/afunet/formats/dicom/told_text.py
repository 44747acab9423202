"""Free text from a header for reports and listings: only text that cannot name the patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 64  # LO (PS3.5 6.2)
SHORTEST_WORD, LONGEST_NUMBER = 3, 5
# PS3.3 C.7.3.1.1.2.
_POSITION = re.compile(r"[HF]F(?:[SP]|D[LR])|[LR]F[SP]|[AP]FD[LR]")


def told_text(text: str, identifying: Iterable[str]) -> str:
    """Return the text, or "" if it may name somebody.

    It may name somebody if it has a word of the patient's name or number (`identifying`), a number
    as long as a hospital's number or a date, unprintable characters, or too many characters.
    """
    if len(text) > LONGEST or not text.isprintable():
        return ""
    if any(len(digits) > LONGEST_NUMBER for digits in re.findall(r"\d+", text)):
        return ""
    return "" if names_any(text, identifying) else text


def names_any(text: str, identifying: Iterable[str]) -> bool:
    """Whether a text has a word of the others, ignoring case and words under three letters."""
    words = {word for value in identifying for word in re.split(r"[\W_]+", value.casefold())}
    return any(len(word) >= SHORTEST_WORD and word in text.casefold() for word in words)


def told_position(text: str) -> str:
    """PatientPosition if DICOM defines it, otherwise ""."""
    return text if _POSITION.fullmatch(text) else ""
