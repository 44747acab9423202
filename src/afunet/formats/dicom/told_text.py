"""Free text of a header that reports and listings repeat: only what cannot name the patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 64  # LO (PS3.5 6.2)
SHORTEST_WORD, LONGEST_NUMBER = 3, 5
# PS3.3 C.7.3.1.1.2.
_POSITION = re.compile(r"[HF]F(?:[SP]|D[LR])|[LR]F[SP]|[AP]FD[LR]")


def told_text(text: str, identifying: Iterable[str]) -> str:
    """The text, or "" where it may name somebody.

    It may where it holds a word of the patient's name or number (`identifying`), a number as long
    as a hospital's or a date, what cannot be printed, or more than such a text may hold.
    """
    if len(text) > LONGEST or not text.isprintable():
        return ""
    if any(len(digits) > LONGEST_NUMBER for digits in re.findall(r"\d+", text)):
        return ""
    return "" if names_any(text, identifying) else text


def names_any(text: str, identifying: Iterable[str]) -> bool:
    """Whether a text holds a word of some others; without case, words under three letters aside."""
    words = {word for value in identifying for word in re.split(r"[\W_]+", value.casefold())}
    return any(len(word) >= SHORTEST_WORD and word in text.casefold() for word in words)


def told_position(text: str) -> str:
    """PatientPosition where it is one that DICOM defines, else ""."""
    return text if _POSITION.fullmatch(text) else ""
