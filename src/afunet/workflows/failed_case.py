"""A case without a result, and the reason."""

from __future__ import annotations

from dataclasses import dataclass

from afunet.errors import ExitCode
from afunet.faults import PROGRAM_ERROR, code_of, exit_code_of, keep_stack, reason_of


@dataclass(frozen=True)
class FailedCase:
    """A case that was refused or failed: the reason in one line, its code and the exit code."""

    name: str
    reason: str
    code: str = ""
    exit_code: ExitCode = ExitCode.REFUSED


def failed_case(name: str, error: Exception) -> FailedCase:
    """Return the failed case for an exception; keep the stack of an internal error in a file."""
    reason, code = reason_of(error), code_of(error)
    if code == PROGRAM_ERROR and (kept := keep_stack(error)):
        reason += f": please report it with {kept}, which holds no data"
    return FailedCase(name, reason, code, exit_code_of(error))
