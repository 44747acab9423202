"""The routes by which the page corrects a case. Each names the version that its user looked at."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.concurrency import run_in_threadpool

from afunet.server.cases import draw_later, finished
from afunet.server.home import PASSING, new_id
from afunet.server.kinds import EDIT, PAINT, UNDO
from afunet.server.nifti_stream import Slab, ras_view
from afunet.server.refusals import Refused, stale_version
from afunet.server.view import kept_scan, version_of
from afunet.server.workshop import Asks, Caller

router = APIRouter(prefix="/api/cases/{case}")
MOST_PIECES, MOST_SEEDS, LONGEST_NAME, HIGHEST_LABEL = 300, 1000, 40, 65535
KINDS = {"delete": "erase"}
"""Names of the page for kinds of corrections that have another."""
Version = Annotated[str | None, Header(alias="If-Match")]
Label = Annotated[int, Field(ge=1, le=HIGHEST_LABEL)]
Point = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class Correction(BaseModel):
    """One correction of whole pieces; seeds are in LPS mm."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["join", "part", "erase", "rename", "whole", "delete"]
    pieces: Annotated[list[Label], Field(min_length=1, max_length=MOST_PIECES)]
    seeds_mm: Annotated[list[Point], Field(max_length=MOST_SEEDS)] = []
    name: Annotated[str, Field(max_length=LONGEST_NAME)] = ""


@router.post("/edits")
def correct(
    asks: Asks, case: str, wanted: Correction, if_match: Version = None
) -> Mapping[str, Any]:
    """Join, part, erase or rename pieces; return the new version, pieces and the changed box."""
    request = wanted.model_dump()
    request["kind"] = KINDS.get(wanted.kind, wanted.kind)
    return _carried_out(asks, case, EDIT, request, if_match)


@router.put("/labels")
async def paint(
    asks: Asks,
    request: Request,
    case: str,
    first: int,
    last: int,
    name: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
    if_match: Version = None,
) -> Mapping[str, Any]:
    """Replace the labels of the slices from `first` to `last`, both included.

    The body holds one or two bytes for each voxel in the order of `labels.nii`. A label that no
    piece has makes a new piece, of the bone `name` if it is given. Raises `Refused` (`OTHER_GRID`)
    for a body of another length.
    """
    folder = await run_in_threadpool(finished, asks, case)
    slices, rows, columns = ras_view(kept_scan(folder)).shape
    slab = Slab.of(first, last, None, slices)
    voxels = (slab.last - slab.first + 1) * rows * columns
    path = folder.view / f"{PASSING}{new_id()}"
    try:
        came = await _kept(request.stream(), path, 2 * voxels)
        if came not in (voxels, 2 * voxels):
            raise Refused(
                422,
                f"got {came} bytes, expected {voxels} or {2 * voxels} for {columns} × {rows} × "
                f"{slab.last - slab.first + 1} labels",
                code="OTHER_GRID",
            )
        painted = {
            "painted": str(path),
            "wide": came != voxels,
            "first": slab.first,
            "last": slab.last,
            "name": name,
        }
        return await run_in_threadpool(_carried_out, asks, case, PAINT, painted, if_match)
    finally:
        path.unlink(missing_ok=True)


async def _kept(chunks: AsyncIterator[bytes], path: Path, most: int) -> int:
    """Write a body to a file, as far as it can be right; return its length."""
    came = 0
    with path.open("wb") as file:
        async for chunk in chunks:
            came += len(chunk)
            if came <= most:
                await run_in_threadpool(file.write, chunk)
    return came


@router.post("/undo")
def take_back(asks: Asks, case: str, if_match: Version = None) -> Mapping[str, Any]:
    """Take back the last correction."""
    return _carried_out(asks, case, UNDO, {}, if_match)


def _carried_out(
    asks: Caller, case: str, kind: str, request: Mapping[str, Any], if_match: str | None
) -> Mapping[str, Any]:
    folder = finished(asks, case)
    wanted = seen_version(if_match)
    with asks.shop.lock(case):
        if version_of(folder) != wanted:
            raise stale_version()
        place = {"case": str(folder.path), "version": wanted, "by": asks.user}
        answer = asks.shop.carried_out(kind, {**request, **place})
        shutil.rmtree(folder.exports, ignore_errors=True)  # they show the pieces of before
        draw_later(asks.shop, asks.user, folder)
    return answer


def seen_version(if_match: str | None) -> str:
    """Return the version that a client looked at; raises `Refused` (428) without one."""
    if not if_match:
        raise Refused(
            428, "a correction needs the header If-Match with the version", code="VERSION_NEEDED"
        )
    return if_match.removeprefix("W/").strip('"')
