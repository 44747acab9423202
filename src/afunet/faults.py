"""What may be shown of an exception: a code, one line and a stack, all without its values.

The message of an exception that is not afunet's own may quote a header, so it is never shown.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from afunet.errors import AfunetError, ExitCode, OutputError
from afunet.extras import missing_package

PROGRAM_ERROR = "PROGRAM_ERROR"
DIGITS = 6


def code_of(error: BaseException) -> str:
    """Return a stable code: afunet's own, else OUT_OF_MEMORY, DISK_FULL, an errno, PROGRAM_ERROR.

    An `OSError` with an unknown errno gives SYSTEM_ERROR.
    """
    if isinstance(error, OutputError) and error.code == error.kind_code() and error.__context__:
        refused = code_of(error.__context__)  # by the system
        return error.code if refused == PROGRAM_ERROR else refused
    error = missing_package(error) or error
    if isinstance(error, AfunetError):
        return error.code
    if isinstance(error, MemoryError):
        return "OUT_OF_MEMORY"
    if isinstance(error, OSError) and error.errno is not None:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        return "DISK_FULL" if full else errno.errorcode.get(error.errno, "SYSTEM_ERROR")
    return PROGRAM_ERROR


def reason_of(error: BaseException) -> str:
    """Return the reason as one line for people."""
    error = missing_package(error) or error
    if isinstance(error, AfunetError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return f"internal error of afunet, {fault_of(error)} ({type(error).__name__} {_place(error)})"


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of the command line."""
    error = missing_package(error) or error
    if isinstance(error, AfunetError):
        return error.exit_code
    return ExitCode.FAULT if code_of(error) == PROGRAM_ERROR else ExitCode.INCOMPLETE


def fault_of(error: BaseException) -> str:
    """Return a short name, the same for the same exception from the same place."""
    digest = hashlib.sha256("\n".join(_stack(error)).encode()).hexdigest()
    return f"fault {digest[:DIGITS]}"


def stack_text(error: BaseException) -> str:
    """Return the exception's stack for developers, without values, messages and paths."""
    from importlib.metadata import version  # brings the parsers of e-mail and zip files

    lines = (
        fault_of(error),
        f"afunet {version('afunet')}, Python {platform.python_version()}, {platform.platform()}",
        *_stack(error),
    )
    return "\n".join(lines) + "\n"


def keep_stack(error: BaseException) -> Path | None:
    """Write `stack_text` to the system's temporary folder; None if it cannot be written."""
    prefix = f"afunet-{fault_of(error).replace(' ', '-')}-"
    try:
        number, made = tempfile.mkstemp(prefix=prefix, suffix=".txt")
        with open(number, "w", encoding="utf-8") as file:
            file.write(stack_text(error))
    except OSError:
        return None
    return Path(made)


def _stack(error: BaseException) -> Iterator[str]:
    """Yield types and places, the cause first; places by module, as a path may name a patient."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and before is not error:
        yield from _stack(before)
        yield "then"
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield f"  {frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"


def _place(error: BaseException) -> str:
    """Return the innermost place in afunet, or the innermost of all if none is in afunet."""
    places = [
        (str(frame.f_globals.get("__name__", "?")), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    own = [place for place in places if place[0].startswith("afunet")] or places
    return "at {}:{}".format(*own[-1]) if own else "somewhere"
