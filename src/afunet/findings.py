"""Findings about an input, and flags about a result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from afunet.errors import InputError


class Severity(StrEnum):
    """How much a finding matters: for information, to be checked, a reason to refuse."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One line about an input, without any patient identifier.

    `code` is a stable upper-case name for programs. `message` and `action` are for people;
    `action` says what was done about the finding, "" if nothing.
    """

    code: str
    severity: Severity
    message: str
    action: str = ""

    def __str__(self) -> str:
        """Return the message and what was done."""
        return f"{self.message}: {self.action}" if self.action else self.message


@dataclass(frozen=True)
class Flag(Finding):
    """A finding about the result, and where to look.

    `index` is an axial slice counted from the feet, from 0, `piece` the label of a piece, `box`
    the rows and columns (top, left, bottom, right; the ends excluded) in that slice; each is None
    if the flag is not about a single one. `doubtful_mm3` estimates how much of the result is in
    doubt, in voxels if the spacing is unknown. `centre_mm` is the place, in LPS, of a flag about a
    cut that was not made.
    """

    index: int | None = None
    piece: int | None = None
    box: tuple[int, int, int, int] | None = None
    doubtful_mm3: float = 0.0
    centre_mm: tuple[float, float, float] | None = None


# These cannot be corrected, and they put the values or the position of the result in doubt.
DOUBTFUL = frozenset(
    {
        "LOSSY_COMPRESSION",
        "NO_RESCALE",
        "RESCALE_MISSING_IN_SOME",
        "RESCALE_NOT_HU",
        "DERIVED_SERIES",
    }
)

# With one of these findings the patient's left and right are unknown.
SIDES_UNKNOWN = frozenset({"ORIENTATION_UNKNOWN", "ORIENTATION_ASSUMED"})


MOST_NAMED = 5


def slices_named(indices: Sequence[int], total: int) -> str:
    """How many slices, of how many, and the first of them by number, counted from 1."""
    numbers = ", ".join(str(index + 1) for index in indices[:MOST_NAMED])
    more = ", …" if len(indices) > MOST_NAMED else ""
    return f"{len(indices)} of {total} slices (number {numbers}{more})"


def info(code: str, message: str, action: str = "") -> Finding:
    """Return a finding for information."""
    return Finding(code, Severity.INFO, message, action)


def warning(code: str, message: str) -> Finding:
    """Return a finding to check before trusting the result."""
    return Finding(code, Severity.WARNING, message)


def repaired(code: str, message: str, action: str) -> Finding:
    """Return a finding about an error that was corrected; `--strict` refuses it instead."""
    return Finding(code, Severity.WARNING, message, action)


def error(code: str, message: str) -> Finding:
    """Return the reason why an input is refused."""
    return Finding(code, Severity.ERROR, message)


def refuse_if_strict(findings: Iterable[Finding], strict: bool) -> None:
    """Raise `InputError` with the code of the first corrected or `DOUBTFUL` finding."""
    if not strict:
        return
    for finding in findings:
        mended = finding.severity is Severity.WARNING and finding.action
        if mended or finding.code in DOUBTFUL:
            would = f" (without --strict: {finding.action})" if finding.action else ""
            raise InputError(f"{finding.message}{would}", code=finding.code)
