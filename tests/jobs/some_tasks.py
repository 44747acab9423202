"""Tasks of a few lines, run in processes of their own by the tests of this folder."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afunet.errors import InputError
from afunet.jobs.tasks import Task
from afunet.plan import Step
from afunet.watch import Watch


def note(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Add a line to a file after `seconds` of work in ten steps."""
    for step in range(10):
        watch.check()
        watch.tell("waiting", step, 10)
        time.sleep(request.get("seconds", 0.0) / 10)
    with Path(request["path"]).open("a") as file:
        file.write(request["line"] + "\n")
    return {"written": request["line"]}


def refuse(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    raise InputError("nothing is right", code="NOT_RIGHT")


def err(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    raise ZeroDivisionError("patient Doe")


def end(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """End this process without a word; the third begins to write its number into a file."""
    with Path(request["path"]).open("a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def shout(request: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Print what is no message."""
    os.write(1, b"a library prints a line\n")
    return {"printed": True}


TASKS = {
    "note": Task(note, (Step("waiting", share=1),)),
    "refuse": Task(refuse),
    "err": Task(err),
    "end": Task(end),
    "shout": Task(shout),
}
