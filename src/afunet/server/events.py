"""The changes of a user's jobs as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from afunet.jobs.job import Event
from afunet.server.kinds import SEGMENT
from afunet.server.workshop import Asks, Caller

router = APIRouter(prefix="/api")
LOOK_S = 0.4
ALIVE_S = 15.0


@router.get("/events")
async def events(asks: Asks, request: Request) -> StreamingResponse:
    """Send the present state of all jobs, and then every change.

    With the header Last-Event-ID only what happened since that event is sent.
    """
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isdecimal() and len(last) < 18 else 0
    return StreamingResponse(_stream(asks, after), media_type="text/event-stream")


async def _stream(asks: Caller, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    silent_s = 0.0
    while not asks.shop.closing.is_set():
        for event in await run_in_threadpool(asks.shop.ledger.events, asks.user, after):
            after, silent_s = event.number, 0.0
            yield _text(event)
        await asyncio.sleep(LOOK_S)
        silent_s += LOOK_S
        if silent_s >= ALIVE_S:
            silent_s = 0.0
            yield ": alive\n\n"


def _text(event: Event) -> str:
    name = "job" if event.kind == SEGMENT else event.kind
    data = {"case": event.subject, "state": event.state, "progress": asdict(event.progress)}
    return f"event: {name}\nid: {event.number}\ndata: {json.dumps(data)}\n\n"
