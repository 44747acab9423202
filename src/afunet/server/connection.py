"""A connection that is dropped when its client is silent, and how many may wait at a time.

The web server itself waits for the head of a request, and for a client that reads its answer, as
long as they take. Then a few hundred connections that do nothing would keep everybody else out.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from afunet.server.limits import Limits
from afunet.server.refusals import answer


class Connection(H11Protocol):
    """HTTP/1.1 for one client.

    A connection without a request may be silent for `idle_s` seconds, a head may take `head_s`, and
    an answer that the client does not read is given up after `stalled_s`. Of more than
    `most_connections` the one that has waited longest for a request is dropped; if none waits, the
    new one.
    """

    def __init__(self, *, limits: Limits, **rest: Any) -> None:
        super().__init__(**rest)
        self._limits = limits
        self._head: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self.waits_since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        if len(self.connections) > self._limits.most_connections:
            self._drop_one()

    def data_received(self, data: bytes) -> None:
        """Read what came; the head of a request must soon be complete."""
        super().data_received(data)
        if not self.waits:
            self._head = _ended(self._head)
        elif self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(self._limits.head_s, self._refuse_head)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.waits_since = self.loop.time()
        super().on_response_complete()
        if self.transport.is_closing():  # what the client does not read keeps it open
            self.loop.call_later(self._limits.stalled_s, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Drop a connection on which no request came."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self._limits.stalled_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head, self._stalled = _ended(self._head), _ended(self._stalled)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than the answer comes."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read most of what was written."""
        self._stalled = _ended(self._stalled)
        super().resume_writing()

    def _refuse_head(self) -> None:
        self.loop.call_later(self._limits.stalled_s, self.transport.abort)
        if self.transport.is_closing():
            return
        told = answer(408, "TOO_SLOW", "the head of the request came too slowly: send it again")
        headers = [*told.raw_headers, (b"connection", b"close")]
        body = bytes(told.body)
        for event in (
            h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _drop_one(self) -> None:
        """Make room for this connection, or drop it."""
        others = [
            one
            for one in self.connections
            if isinstance(one, Connection) and one is not self and one.waits
        ]
        longest = min(others, key=lambda one: one.waits_since, default=self)
        longest.transport.abort()


def _ended(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer; return what is kept of it, nothing."""
    if timer is not None:
        timer.cancel()
    return None
