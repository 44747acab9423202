"""Who is at work with an upload: files come side by side, all else is done by one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from afunet.server.refusals import Refused

ALONE = -1


@dataclass(eq=False)
class Uses:
    """The uploads in use. All methods raise `Refused` (`UPLOAD_BUSY`, 409) for what must wait."""

    _held: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def together(self, upload: str) -> Iterator[None]:
        """Use an upload beside others who do so."""
        with self._use(upload, alone=False):
            yield

    @contextmanager
    def alone(self, upload: str) -> Iterator[None]:
        """Use an upload that nobody else uses."""
        with self._use(upload, alone=True):
            yield

    @contextmanager
    def _use(self, upload: str, *, alone: bool) -> Iterator[None]:
        with self._guard:
            held = self._held.get(upload, 0)
            if held == ALONE or (alone and held):
                raise Refused(409, "this upload is being worked at: wait", code="UPLOAD_BUSY")
            self._held[upload] = ALONE if alone else held + 1
        try:
            yield
        finally:
            with self._guard:
                left = 0 if alone else self._held[upload] - 1
                self._held[upload] = left
                if not left:
                    del self._held[upload]
