"""A case that has no result, and why."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import ExitCode
from afunet.faults import PROGRAM_ERROR, code_of, exit_code_of, keep_stack, reason_of


@dataclass(frozen=True)
class FailedCase:
    """A case that was refused or failed, why, in one line, and what that means for the run."""

    name: str
    reason: str
    code: str = ""
    exit_code: ExitCode = ExitCode.REFUSED


def failed_case(name: str, error: Exception) -> FailedCase:
    """What an exception means for a case; where it is a fault, its stack is kept in a file."""
    reason, code = reason_of(error), code_of(error)
    if code == PROGRAM_ERROR and (kept := keep_stack(error)):
        reason += f": please report it with {kept}, which holds no data"
    return FailedCase(name, reason, code, exit_code_of(error))
