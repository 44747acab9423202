"""The files of a case: results and exports by the names in their own lists, and all in one zip."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from afunet.jobs.job import State
from afunet.server.cases import draw_later, finished
from afunet.server.home import PASSING, CaseFolder, new_id
from afunet.server.kinds import EXPORT
from afunet.server.refusals import Refused, failure_of, not_found
from afunet.server.view import settled
from afunet.server.workshop import Asks
from afunet.workflows.edited_pages import pages_to_come
from afunet.workflows.own_files import LIST, read_own_files
from afunet.workflows.result_files import require_formats

router = APIRouter(prefix="/api/cases/{case}")
PAGE_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
SHOWN = {".png": "image/png", ".html": "text/html; charset=utf-8", ".json": "application/json"}
MOST_FORMATS = 30


class Wanted(BaseModel):
    """The formats of an export, by their names in `--formats`."""

    model_config = ConfigDict(extra="forbid")
    formats: Annotated[list[str], Field(min_length=1, max_length=MOST_FORMATS)]


@router.get("/files")
def listed(asks: Asks, case: str) -> list[dict[str, Any]]:
    """List the results and the exports of a case, with their sizes in bytes."""
    found = _files(finished(asks, case))
    return [{"name": name, "bytes": path.stat().st_size} for name, path in found.items()]


@router.get("/files/{name:path}")
def sent(asks: Asks, case: str, name: str) -> Response:
    """Send a file that is in the list; a name that is not never reaches the disk.

    Pictures and pages are shown in the browser, everything else is saved by it.
    """
    folder = finished(asks, case)
    path = _files(folder).get(name)
    if path is None and name in pages_to_come(folder.results):
        draw_later(asks.shop, asks.user, folder)  # again, if its processes were killed
        raise Refused(409, "this page is being drawn: ask again soon", code="NOT_DONE")
    if path is None:
        raise not_found("file")
    shown = SHOWN.get(path.suffix)
    headers = {"content-security-policy": PAGE_POLICY} if path.suffix == ".html" else {}
    return FileResponse(
        path,
        media_type=shown or "application/octet-stream",
        filename=None if shown else path.name,
        headers=headers,
    )


@router.post("/export", status_code=202)
def export(asks: Asks, case: str, wanted: Wanted) -> dict[str, str]:
    """Put a job into the queue that writes the present pieces in some formats."""
    folder = finished(asks, case)
    require_formats(tuple(wanted.formats))
    request = {"case": str(folder.path), "formats": wanted.formats, "series": folder.facts.series}
    job = asks.shop.ledger.add(asks.user, folder.id, EXPORT, request)
    asks.shop.wake()
    return {"job": job.id, "state": job.state}


@router.get("/export")
def exporting(asks: Asks, case: str) -> dict[str, Any]:
    """Return the state of the last export, and the names of the exported files."""
    folder = finished(asks, case)
    jobs = asks.shop.ledger.jobs(asks.user, folder.id)
    last = next((job for job in reversed(jobs) if job.kind == EXPORT), None)
    return {
        "state": None if last is None else last.state,
        "failure": failure_of(last),
        "files": list(_own(folder.exports)),
    }


@router.get("/export.zip")
def zipped(asks: Asks, case: str) -> Response:
    """Send the exported files as one archive."""
    folder = finished(asks, case)
    with asks.shop.lock(case):
        files = _own(folder.exports)
        if not files:
            state = exporting(asks, case)["state"]
            waits = state in (State.QUEUED, State.RUNNING)
            told = "the export is not done: wait for it" if waits else "export the case first"
            raise Refused(409, told, code="NOT_DONE")
        path = folder.view / f"{PASSING}{new_id()}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, file in files.items():
                archive.write(file, name)
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/zip", filename=f"{case}.zip", background=gone)


def _files(case: CaseFolder) -> dict[str, Path]:
    listed = settled(lambda: (case.results / LIST).read_bytes())  # not while it is exchanged
    return {**_own(case.exports), **_own(case.results)} if listed else {}


def _own(folder: Path) -> dict[str, Path]:
    """Return what is in a folder of the names that afunet wrote there; links are left out."""
    return dict(_there(folder))


def _there(folder: Path) -> Iterator[tuple[str, Path]]:
    top = folder.resolve()
    for files in read_own_files(folder).files.values():
        for name in files:
            path = folder / name
            if path.is_file() and path.resolve() == top / name:
                yield name, path
