"""The web application: all routes behind the guard, and how failures are answered."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from afunet.errors import AfunetError
from afunet.faults import keep_stack
from afunet.server import cases, corrections, events, files, training, uploads, volumes
from afunet.server.guard import Door, Guard
from afunet.server.kinds import ANSWER
from afunet.server.monailabel.desk import Desk, NotThere
from afunet.server.monailabel.router import OPEN_PATHS, PROGRAMS, monai_label_router
from afunet.server.people import People
from afunet.server.refusals import FAULT, answer, answer_to
from afunet.server.workshop import Workshop

STATIC = Path(__file__).parent / "static"
ROUTERS = (
    uploads.router,
    cases.router,
    events.router,
    volumes.router,
    files.router,
    corrections.router,
    training.router,
)
CODES = {404: "NOT_FOUND", 405: "METHOD_UNKNOWN"}


def application(shop: Workshop, people: People, door: Door) -> ASGIApp:
    """Return the server's application for a workshop, its users and its address."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shop = shop
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(monai_label_router(partial(_desk, shop), people.who))
    app.add_api_route("/", index, include_in_schema=False)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(AfunetError, _refused)
    app.add_exception_handler(OSError, _refused)
    app.add_exception_handler(sqlite3.OperationalError, _ledger_unusable)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(Exception, _fault)
    return Guard(app, door, people, shop.limits, OPEN_PATHS, PROGRAMS)


def _desk(shop: Workshop, request: Request) -> Desk:
    """Return what the user of a request left through MONAI Label's clients."""

    def segment(scan: Path, results: Path, fast: bool) -> None:
        order = {"scan": str(scan), "results": str(results), "fast": fast}
        shop.carried_out(ANSWER, order)

    return Desk(shop.home.user(request.state.user).path / "slicer", segment)


def index() -> Response:
    """Return the page."""
    page = STATIC / "index.html"
    if page.is_file():
        return FileResponse(page)
    return PlainTextResponse("this installation of afunet has no page: install it again")


async def _refused(request: Request, error: Exception) -> JSONResponse:
    return answer_to(error)


async def _ledger_unusable(request: Request, error: Exception) -> JSONResponse:
    """A full or busy disk is no fault of the program."""
    assert isinstance(error, sqlite3.OperationalError)
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return answer(507, "DISK_FULL", "the server's disk is full: make room, and try again")
    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR):
        return answer(503, "LEDGER_BUSY", "the list of jobs cannot be written: try again")
    return await _fault(request, error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    """Name the fields that are wrong; their values may be anything, and are not repeated."""
    assert isinstance(error, RequestValidationError)
    wrong = {".".join(str(part)[:40] for part in one["loc"]) for one in error.errors()}
    listed = ", ".join(sorted(wrong)[:5])
    return answer(422, "BAD_REQUEST", f"the request is malformed at {listed}: see the contract")


async def _by_status(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    cause = error.__cause__
    if isinstance(cause, NotThere):
        return answer(error.status_code, cause.code, str(cause))
    if isinstance(cause, AfunetError | OSError):  # raised while the body was read
        return answer_to(cause)
    code = CODES.get(error.status_code, "BAD_REQUEST")
    return answer(error.status_code, code, "the server does not know this request: see the guide")


async def _fault(request: Request, error: Exception) -> JSONResponse:
    kept = keep_stack(error)
    where = f"details without any data are in {kept.name}" if kept else "no details could be saved"
    return answer(500, FAULT, f"internal error of afunet: please report it; {where}")
