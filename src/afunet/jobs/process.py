"""The parent's side of a process that carries out tasks (`afunet.jobs.child`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from afunet.jobs.job import Failure, Progress

LAST_WORDS_S = 5.0


@dataclass(frozen=True)
class Done:
    """The answer of a task."""

    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Stopped:
    """The task was cancelled."""


@dataclass(frozen=True)
class Gone:
    """The process ended without an answer."""


Message = Progress | Done | Failure | Stopped | Gone


class TaskProcess:
    """A process with the tasks of a module; it has a session of its own, so Ctrl-C passes it by."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "afunet.jobs.child", module],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._messages: SimpleQueue[Message] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def order(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        silence_s: float | None = None,
        nice: int = 0,
    ) -> None:
        """Begin a task. The process ends itself if it hears nothing for `silence_s` seconds."""
        self._send(run=kind, request=request, silence_s=silence_s, nice=nice)

    def say_alive(self) -> None:
        """Tell the process that its task is still wanted."""
        self._send(alive=True)

    def cancel(self) -> None:
        """Ask the task to stop."""
        self._send(cancel=True)

    def message(self, timeout_s: float | None = None) -> Message | None:
        """Return the next message; None if there is none for so long."""
        try:
            return self._messages.get(timeout=timeout_s)
        except Empty:
            return None

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _send(self, **order: Any) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # the process is gone, which `message` says
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            for line in self._process.stdout:
                if (message := _message(json.loads(line))) is not None:
                    self._messages.put(message)
        self._messages.put(Gone())


def _message(said: Mapping[str, Any]) -> Message | None:
    match said:
        case {"progress": [stage, share, left_s]}:
            return Progress(stage, share, left_s)
        case {"done": answer}:
            return Done(answer)
        case {"failed": [code, text]}:
            return Failure(code, text)
        case {"cancelled": _}:
            return Stopped()
    return None


class ProcessPool:
    """A few warm processes for tasks whose answer somebody waits for."""

    def __init__(self, module: str, most: int = 2) -> None:
        self._module, self._most = module, most
        self._places = threading.BoundedSemaphore(most)
        self._idle: SimpleQueue[TaskProcess] = SimpleQueue()

    def run(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        timeout_s: float,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Done | Failure:
        """Carry out a task in a process of the pool; the failure says why there is no answer."""
        with self._places, self._taken() as process:
            process.order(kind, request)
            while True:
                match process.message(timeout_s):
                    case Progress() as now:
                        progress(now)
                    case Done() | Failure() as answer:
                        return answer
                    case None:
                        process.end()
                        return Failure(
                            "TIMED_OUT", f"this took more than {timeout_s:.0f} s: stopped"
                        )
                    case _:
                        process.end()
                        return Failure("WORKER_LOST", "the process of this work ended: try again")

    def warm(self) -> None:
        """Start one process, so that the first task need not wait for its imports."""
        self._idle.put(TaskProcess(self._module))

    def close(self) -> None:
        """End all idle processes."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().end()

    @contextmanager
    def _taken(self) -> Iterator[TaskProcess]:
        process = self._next()
        try:
            yield process
        except BaseException:
            process.end()
            raise
        if process.is_alive:
            self._idle.put(process)

    def _next(self) -> TaskProcess:
        with suppress(Empty):
            while True:
                process = self._idle.get_nowait()
                if process.is_alive:
                    return process
                process.end()
        return TaskProcess(self._module)
