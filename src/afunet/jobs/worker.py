"""A worker: claims jobs from the ledger and runs each in a process of its own."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from afunet.faults import keep_stack
from afunet.jobs.job import Failure, Job, Progress
from afunet.jobs.process import Done, Gone, Stopped, TaskProcess
from afunet.jobs.store import LEASE_S, JobStore

PAUSE_S = 1.0
LOOK_S = 0.25
GRACE_S = 20.0
NICE = 5


@dataclass(eq=False)
class Worker:
    """A thread that works through a store of jobs, one at a time, with the tasks of `module`.

    Each job has a process of its own, with the variables of `environment`; `keeps_process` lets the
    next job have the same one, which spares it the imports and the loading of a network. The lease
    is renewed, and a wish to cancel seen, every `renew_s` seconds, at least four times before it
    would run out; the store hears of progress if `tells`. The process of a job ends itself before
    that if its worker falls silent, so that no two processes ever work at one job.
    """

    ledger: JobStore
    module: str
    lease_s: float = LEASE_S
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps_process: bool = False
    renew_s: float = 1.0
    tells: bool = True
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _wake: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    process: TaskProcess | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, daemon=True, name="afunet-worker")
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the worker was started."""
        return self._thread is not None

    def wake(self) -> None:
        """Look for a job now."""
        self._wake.set()

    def ask_to_stop(self) -> None:
        """Begin to stop, without waiting for the end."""
        self._stop.set()
        self._wake.set()

    def stop(self) -> None:
        """Stop; the job at hand goes back into the queue and does not count as tried."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                claimed = self.ledger.claim(self.lease_s)
                if claimed is not None:
                    self._work(*claimed)
                    continue
            except (sqlite3.Error, OSError) as error:  # a full disk: the job is taken again later
                keep_stack(error)
            self._wake.wait(PAUSE_S)
            self._wake.clear()
        self._end_process()

    def _work(self, job: Job, lease: str) -> None:
        if self.process is None or not self.process.is_alive:
            self._end_process()
            self.process = TaskProcess(self.module, self.environment)
            nice = NICE
        else:
            nice = 0  # it is as nice as it was made
        answered = False
        try:
            self.process.order(job.kind, job.request, silence_s=self.lease_s * 0.7, nice=nice)
            answered = self._follow(self.process, lease)
        finally:
            if not (answered and self.keeps_process):
                self._end_process()

    def _end_process(self) -> None:
        if self.process is not None:
            self.process.end()
            self.process = None

    def _follow(self, process: TaskProcess, lease: str) -> bool:
        """Pass on what the process says, until it ends, the lease is lost or the worker stops.

        Return whether the process answered, so that it is free for another job.
        """
        renewed, cancelled = time.monotonic(), None
        while not self._stop.is_set():
            match process.message(LOOK_S):
                case Progress() as progress:
                    if self.tells:
                        self.ledger.tell(lease, progress)
                case None:
                    pass
                case last:
                    self._end(lease, last, cancelled=cancelled is not None)
                    return not isinstance(last, Gone)
            now = time.monotonic()
            if now - renewed >= min(self.lease_s / 4, self.renew_s):
                renewed = now
                job = self.ledger.renew(lease, self.lease_s)
                if job is None:
                    return False
                process.say_alive()
                if job.wants_cancel and cancelled is None:
                    cancelled = now
                    process.cancel()
            if cancelled is not None and now - cancelled > GRACE_S:
                process.end()
        process.end()
        self.ledger.give_back(lease, counts=False)
        return False

    def _end(self, lease: str, last: Done | Failure | Stopped | Gone, *, cancelled: bool) -> None:
        match last:
            case Done(answer):
                self.ledger.finish(lease, answer)
            case Failure():
                self.ledger.fail(lease, last)
            case Gone() if not cancelled:
                self.ledger.give_back(lease, counts=True)
            case _:
                self.ledger.stopped(lease)
