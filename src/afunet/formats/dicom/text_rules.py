"""The rules of PS3.5 section 6.2 for texts, one for each value representation.

A rule corrects only what is beyond doubt. A doubtful value is left out, never cut or guessed: a cut
number may belong to another patient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial

LONGEST_UID = 64
# PS3.5 6.2.1: alphabetic, ideographic and phonetic group; family, given, middle, prefix, suffix.
LONGEST_NAME, NAME_GROUPS, NAME_COMPONENTS = 64, 3, 5

_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
# ACR-NEMA 2.0, ISO 8601 and other programs: the year comes first, so the month is next.
_DAY_APART = re.compile(r"([0-9]{4})([-./])([0-9]{1,2})\2([0-9]{1,2})")
_SECOND = r"(?:[0-5][0-9]|60)"
_TIME = re.compile(rf"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:{_SECOND}(?:\.[0-9]{{1,6}})?)?)?")
_TIME_APART = re.compile(rf"([01][0-9]|2[0-3]):([0-5][0-9])(?::({_SECOND})(\.[0-9]*)?)?")
_TIME_TOO_FINE = re.compile(rf"((?:[01][0-9]|2[0-3])[0-5][0-9]{_SECOND})(\.[0-9]*)")
_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
_UID_WITH_ZEROS = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_SEXES = {"M": "M", "MALE": "M", "F": "F", "FEMALE": "F", "O": "O", "OTHER": "O"}


class Outcome(StrEnum):
    """What happens to a value in a result.

    A value is passed on if it breaks a rule but archives file the images under it; it is unusable
    if it should identify images but an archive may not accept it.
    """

    FINE = "fine"
    MENDED = "mended"
    PASSED_ON = "passed on"
    LEFT_OUT = "left out"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class Verdict:
    """The value for a result, and what was wrong with it, in words that do not quote it."""

    value: str = ""
    outcome: Outcome = Outcome.FINE
    fault: str = ""


Rule = Callable[[str], Verdict]
"""Judges one decoded value: without padding and control characters, and not empty."""


def mended(value: str, fault: str) -> Verdict:
    """The verdict with the value that must have been meant."""
    return Verdict(value, Outcome.MENDED, fault)


def left_out(fault: str) -> Verdict:
    """The verdict without a value."""
    return Verdict("", Outcome.LEFT_OUT, fault)


def date_rule(text: str) -> Verdict:
    """DA: a day of the calendar as YYYYMMDD."""
    if whole := _DAY.fullmatch(text):
        year, month, day = whole.groups()
    elif apart := _DAY_APART.fullmatch(text):
        year, _, month, day = apart.groups()
    else:
        return left_out("is not a date in DICOM's format")
    try:
        value = date(int(year), int(month), int(day)).strftime("%Y%m%d").zfill(8)
    except ValueError:
        return left_out("is not a day of the calendar")
    return Verdict(value) if value == text else mended(value, "is a date with separators")


def time_rule(text: str) -> Verdict:
    """TM: HHMMSS.FFFFFF, without the unknown parts at the right."""
    if _TIME.fullmatch(text):
        return Verdict(text)
    if apart := _TIME_APART.fullmatch(text):
        return mended(_joined(*apart.groups("")), "is a time with separators")
    if fine := _TIME_TOO_FINE.fullmatch(text):
        return mended(_joined(*fine.groups()), "is a time with too few or too many digits")
    return left_out("is not a time in DICOM's format")


def _joined(*parts: str) -> str:
    whole, _, fraction = "".join(parts).partition(".")
    return f"{whole}.{fraction[:6]}" if fraction else whole


def sex_rule(text: str) -> Verdict:
    """CS of PatientSex: M, F or O (PS3.3 C.7.1.1)."""
    value = _SEXES.get(text.upper())
    if value is None:
        return left_out("is not M, F or O")
    return Verdict(value) if value == text else mended(value, "is written out")


def _no_longer_than(longest: int, text: str) -> Verdict:
    if len(text) > longest:
        return left_out(f"is longer than {longest} characters")
    return Verdict(text)


long_string_rule = partial(_no_longer_than, 64)  # LO
short_string_rule = partial(_no_longer_than, 16)  # SH


def name_rule(text: str) -> Verdict:
    """PN: at most three groups of 64 characters, of at most five parts each."""
    groups = [_without_empty_end(group, "^", NAME_COMPONENTS) for group in text.split("=")]
    whole = _without_empty_end("=".join(groups), "=", NAME_GROUPS)
    groups = whole.split("=")
    if len(groups) > NAME_GROUPS:
        return left_out(f"has more than {NAME_GROUPS} groups of parts")
    if any(len(group.split("^")) > NAME_COMPONENTS for group in groups):
        return left_out(f"has more than {NAME_COMPONENTS} parts")
    if any(len(group) > LONGEST_NAME for group in groups):
        return left_out(f"is longer than {LONGEST_NAME} characters")
    if not whole.strip("^= "):
        return Verdict()
    return Verdict(whole) if whole == text else mended(whole, "ends with too many empty parts")


def _without_empty_end(text: str, separator: str, most: int) -> str:
    """Remove surplus empty parts at the end, as PS3.5 6.2.1.2 permits."""
    parts = text.split(separator)
    while len(parts) > most and not parts[-1].strip():
        parts.pop()
    return separator.join(parts)


def uid_rule(text: str) -> Verdict:
    """UI: 64 characters, numbers without leading zeros and dots between them (PS3.5 9.1).

    It identifies something in an archive, so it is never changed.
    """
    if len(text) > LONGEST_UID:
        return Verdict(text, Outcome.UNUSABLE, f"is longer than {LONGEST_UID} characters")
    if _UID.fullmatch(text):
        return Verdict(text)
    if _UID_WITH_ZEROS.fullmatch(text):
        return Verdict(text, Outcome.PASSED_ON, "has a number with a leading zero")
    return Verdict(text, Outcome.UNUSABLE, "is not made of numbers and dots")
