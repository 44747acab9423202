"""What was noticed about an input, short of a reason to refuse it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters: to know, to check before trusting the result, refused."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One line about an input, without any patient identifier.

    `code` is stable, upper case and made for programs; `message` is made for people.
    """

    code: str
    severity: Severity
    message: str


def info(code: str, message: str) -> Finding:
    """A finding that is good to know."""
    return Finding(code, Severity.INFO, message)


def warning(code: str, message: str) -> Finding:
    """A finding to check before trusting the result."""
    return Finding(code, Severity.WARNING, message)


def error(code: str, message: str) -> Finding:
    """The reason why an input is refused."""
    return Finding(code, Severity.ERROR, message)
