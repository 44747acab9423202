"""How the server refuses: a status, a stable code and one line, all as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import JSONResponse

from afunet.errors import AfunetError, DeviceError, OutputError
from afunet.faults import code_of, reason_of
from afunet.jobs.job import Failure, Job

FAULT = "FAULT"
STALE_VERSION = "STALE_VERSION"
CONFLICTS = {"CASE_BUSY", "NOT_DONE", "NOTHING_TO_UNDO", "FOLDER_IN_USE", "JOB_RUNNING"}
STATUS = {
    "EDITED_MEANWHILE": 412,
    "DISK_FULL": 507,
    "TIMED_OUT": 503,
    "WORKER_LOST": 503,
    "OUT_OF_MEMORY": 503,
    "PROGRAM_ERROR": 500,
    **dict.fromkeys(CONFLICTS, 409),
}
SHOWN_AS = {"EDITED_MEANWHILE": STALE_VERSION, "PROGRAM_ERROR": FAULT}
UNUSABLE = 422
FOLDERS = re.compile(r"(?<![^\s'\"(])(?:[A-Za-z]:)?[/\\](?:[^/\\:]*[/\\])+")
"""The folders of an absolute path, which may hold spaces."""


class Refused(AfunetError):  # noqa: N818 - as errors.Cancelled
    """A request that the server does not carry out, with its HTTP status."""

    def __init__(self, status: int, message: str, *, code: str) -> None:
        super().__init__(message, code=code)
        self.status = status


def not_found(what: str) -> Refused:
    """The refusal for something that is not there, or that belongs to another user."""
    return Refused(404, f"there is no such {what}: go back to the list of cases", code="NOT_FOUND")


def stale_version() -> Refused:
    """The refusal of a correction of pieces that were changed meanwhile."""
    return Refused(
        412,
        "the pieces were changed after you opened them: load the case again",
        code=STALE_VERSION,
    )


def answer_to(error: Exception) -> JSONResponse:
    """Return the answer to a failure."""
    if isinstance(error, Refused):
        return answer(error.status, error.code, reason_of(error))
    if isinstance(error, OutputError | DeviceError):
        return answer(STATUS.get(code_of(error), 409), code_of(error), reason_of(error))
    return answer_of(Failure(code_of(error), reason_of(error)))


def answer_of(failure: Failure) -> JSONResponse:
    """Return the answer to a request whose task failed."""
    status = STATUS.get(failure.code, UNUSABLE)
    return answer(status, SHOWN_AS.get(failure.code, failure.code), failure.message)


def answer(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a refusal as the client reads it."""
    told = {"code": code, "message": line_of(message)}
    return JSONResponse(told, status, dict(headers or {}))


def line_of(message: str) -> str:
    """Return a message as one line of text, whatever the client sent, without folders."""
    line = "".join(letter if letter.isprintable() else "?" for letter in message)
    return FOLDERS.sub("", line)


def failure_of(job: Job | None) -> dict[str, str] | None:
    """Return why a job failed as the page reads it; None if it did not."""
    if job is None or job.failure is None:
        return None
    return {"code": job.failure.code, "message": line_of(job.failure.message)}
