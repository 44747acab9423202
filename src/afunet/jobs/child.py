"""The process in which tasks run, one after the other: `python -m afunet.jobs.child MODULE`.

Orders come as lines of JSON on its standard input, messages leave as lines on its standard output.
It ends at once when the input ends, as it does if its parent was killed, and when the parent has
not been heard for the `silence_s` of the order: then somebody else may have its job.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from queue import Queue
from typing import IO, Any

from afunet.errors import Cancelled
from afunet.faults import PROGRAM_ERROR, code_of, keep_stack, reason_of
from afunet.jobs.tasks import Task, Tasks
from afunet.plan import Moment, PlannedProgress
from afunet.watch import CancelToken, Watch

LOOK_S = 0.5
TELL_S = 0.5
ORPHANED = 75


@dataclass(eq=False)
class _Orders:
    """The parent's orders, and what it says while one is carried out."""

    source: IO[bytes]
    waiting: Queue[Mapping[str, Any]] = field(default_factory=Queue)
    cancel: CancelToken = field(default_factory=CancelToken)
    silence_s: float | None = None
    _heard: float = field(default_factory=time.time)

    def listen(self) -> None:
        """Read lines until the parent is gone; then end this process."""
        for line in self.source:
            said, self._heard = json.loads(line), time.time()
            if "run" in said:
                self.waiting.put(said)
            elif "cancel" in said:
                self.cancel.cancel()
        os._exit(ORPHANED)

    def watch_over(self) -> None:
        """End this process when the parent is silent for too long, by the clock of the ledger."""
        while True:
            time.sleep(LOOK_S)
            if self.silence_s is not None and time.time() - self._heard > self.silence_s:
                os._exit(ORPHANED)


@dataclass(eq=False)
class _Telling:
    """Sends progress as lines, at most one each `TELL_S` seconds within a stage."""

    out: IO[str]
    _last: float = 0.0

    def __call__(self, moment: Moment) -> None:
        now = time.monotonic()
        if moment.starts or now - self._last >= TELL_S:
            self._last = now
            _say(self.out, progress=[moment.stage, moment.fraction, moment.seconds_left])


def main() -> None:
    """Carry out the orders of the parent process."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message
    orders = _Orders(sys.stdin.buffer)
    for listener in (orders.listen, orders.watch_over):
        threading.Thread(target=listener, daemon=True).start()
    tasks: Tasks = import_module(sys.argv[1]).TASKS
    _say(out, ready=True)
    while True:
        order = orders.waiting.get()
        if order.get("nice"):
            os.nice(int(order["nice"]))
        orders.cancel, orders.silence_s = CancelToken(), order.get("silence_s")
        said = _carried_out(tasks[order["run"]], order["request"], orders.cancel, out)
        orders.silence_s = None  # between two orders the parent may be silent
        _say(out, **said)


def _carried_out(
    task: Task, request: Mapping[str, Any], cancel: CancelToken, out: IO[str]
) -> dict[str, Any]:
    try:
        progress = PlannedProgress(_Telling(out), task.plan)
        return {"done": task.run(request, Watch(progress, cancel))}
    except Cancelled:
        return {"cancelled": True}
    except Exception as error:
        if code_of(error) == PROGRAM_ERROR:
            keep_stack(error)
        return {"failed": [code_of(error), reason_of(error)]}


def _say(out: IO[str], **message: Any) -> None:
    try:
        out.write(json.dumps(message) + "\n")
        out.flush()
    except BrokenPipeError:
        os._exit(ORPHANED)


if __name__ == "__main__":
    main()
