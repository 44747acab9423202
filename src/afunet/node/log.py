"""The node's log: a line of JSON for each event, without anything that names a patient.

Series, jobs and results appear under the names that the node gave them.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from datetime import UTC, datetime
from types import TracebackType

from afunet.faults import code_of, reason_of

_role = "node"
_lock = threading.Lock()


def say(event: str, **facts: str | float | None) -> None:
    """Write a line. `facts` hold numbers, codes and the node's own names, not values of images."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {name: fact for name, fact in facts.items() if fact is not None}
    line = json.dumps({"time": now, "process": _role, "event": event, **known})
    with _lock:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def say_error(event: str, error: BaseException, **facts: str | float | None) -> None:
    """Write a line about an error: its code and its reason, without its values."""
    say(event, code=code_of(error), reason=reason_of(error), **facts)


def begin_log(role: str) -> None:
    """Name this process in the log, and let no library write beside it: it might quote a header."""
    global _role
    _role = role
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    sys.excepthook = _fault
    threading.excepthook = lambda args: say_error(
        "fault", args.exc_value or args.exc_type(), thread=args.thread.name if args.thread else None
    )


def _fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    say_error("fault", error)
