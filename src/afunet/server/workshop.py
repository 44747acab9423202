"""Everything that answers to requests share: the data folder, the ledger, the processes."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from afunet.jobs.job import Failure
from afunet.jobs.ledger import Ledger
from afunet.jobs.process import ProcessPool
from afunet.jobs.worker import Worker
from afunet.server.home import Home, UserFolder
from afunet.server.limits import Limits
from afunet.server.refusals import SHOWN_AS, STATUS, UNUSABLE, Refused
from afunet.server.uses import Uses

TASKS = "afunet.server.tasks"
PATIENCE_S = 900.0


@dataclass(eq=False)
class Workshop:
    """The state of a running server.

    `folders` are folders of scans that it may read, `meshes` the files of the surfaces that were
    sent, by case, version and name, `uses` the uploads that somebody works with.
    """

    home: Home
    ledger: Ledger
    pool: ProcessPool
    workers: tuple[Worker, ...]
    limits: Limits = field(default_factory=Limits)
    folders: tuple[Path, ...] = ()
    meshes: dict[tuple[str, str, str], Path] = field(default_factory=dict, repr=False)
    uses: Uses = field(default_factory=Uses)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    _locks: defaultdict[str, threading.RLock] = field(
        default_factory=lambda: defaultdict(threading.RLock)
    )
    closing: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def lock(self, case: str) -> threading.RLock:
        """Return the lock of a case: who holds it may change its results."""
        with self._guard:
            return self._locks[case]

    def carried_out(self, kind: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of a task; raises `Refused` with the code of its failure."""
        done = self.pool.run(kind, request, timeout_s=PATIENCE_S)
        if isinstance(done, Failure):
            status = STATUS.get(done.code, UNUSABLE)
            raise Refused(status, done.message, code=SHOWN_AS.get(done.code, done.code))
        return done.answer

    def wake(self) -> None:
        """Let an idle worker look for a job now."""
        for worker in self.workers:
            worker.wake()


@dataclass(frozen=True)
class Caller:
    """Who asks, and the server that answers."""

    user: str
    shop: Workshop

    @property
    def folder(self) -> UserFolder:
        """The user's own folder."""
        return self.shop.home.user(self.user)


def _caller(request: Request) -> Caller:
    return Caller(request.state.user, request.app.state.shop)


Asks = Annotated[Caller, Depends(_caller)]
