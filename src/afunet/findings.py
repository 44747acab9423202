"""What was noticed about an input, short of a reason to refuse it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from afunet.errors import InputError


class Severity(StrEnum):
    """How much a finding matters: to know, to check before trusting the result, refused."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One line about an input, without any patient identifier.

    `code` is stable, upper case and made for programs; `message` is made for people, and so is
    `action`: what was done about it, "" for nothing.
    """

    code: str
    severity: Severity
    message: str
    action: str = ""

    def __str__(self) -> str:
        """The message and what was done."""
        return f"{self.message}: {self.action}" if self.action else self.message


@dataclass(frozen=True)
class Flag(Finding):
    """A finding about the result, and where to look.

    `index` is an axial slice counted from the feet, from 0, `piece` the label of a piece, `box`
    the rows and columns (top, left, bottom, right; the ends excluded) in that slice; None where it
    is about no single one. `doubtful_mm3` is about how much of the result it puts in doubt, in
    voxels where the spacing is not known.
    """

    index: int | None = None
    piece: int | None = None
    box: tuple[int, int, int, int] | None = None
    doubtful_mm3: float = 0.0


# Nothing can be done about these, and they put the values or the place of the result in doubt.
DOUBTFUL = frozenset(
    {
        "LOSSY_COMPRESSION",
        "NO_RESCALE",
        "RESCALE_MISSING_IN_SOME",
        "RESCALE_NOT_HU",
        "DERIVED_SERIES",
    }
)

# Where one of these is said, nobody knows the patient's left from his right.
SIDES_UNKNOWN = frozenset({"ORIENTATION_UNKNOWN", "ORIENTATION_ASSUMED"})


MOST_NAMED = 5


def slices_named(indices: Sequence[int], total: int) -> str:
    """How many slices, of how many, and the first of them by number, counted from 1."""
    numbers = ", ".join(str(index + 1) for index in indices[:MOST_NAMED])
    more = ", …" if len(indices) > MOST_NAMED else ""
    return f"{len(indices)} of {total} slices (number {numbers}{more})"


def info(code: str, message: str, action: str = "") -> Finding:
    """A finding that is good to know."""
    return Finding(code, Severity.INFO, message, action)


def warning(code: str, message: str) -> Finding:
    """A finding to check before trusting the result."""
    return Finding(code, Severity.WARNING, message)


def repaired(code: str, message: str, action: str) -> Finding:
    """Something wrong that was mended; a strict reader refuses it instead."""
    return Finding(code, Severity.WARNING, message, action)


def error(code: str, message: str) -> Finding:
    """The reason why an input is refused."""
    return Finding(code, Severity.ERROR, message)


def refuse_if_strict(findings: Iterable[Finding], strict: bool) -> None:
    """Raise `InputError` with the code of the first finding that was mended or is in doubt."""
    if not strict:
        return
    for finding in findings:
        mended = finding.severity is Severity.WARNING and finding.action
        if mended or finding.code in DOUBTFUL:
            would = f" (without --strict: {finding.action})" if finding.action else ""
            raise InputError(f"{finding.message}{would}", code=finding.code)
