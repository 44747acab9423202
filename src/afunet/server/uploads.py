"""Uploads: files on their way to become a case, or the folder of a scan on this computer."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from afunet.server.guard import too_large
from afunet.server.home import INPUT, PASSING, new_folder, new_id, plain_files, remove, write_json
from afunet.server.kinds import INSPECT
from afunet.server.limits import Limits
from afunet.server.refusals import Refused, line_of, not_found
from afunet.server.uploaded_files import name_by_content, number_of
from afunet.server.workshop import Asks, Caller

router = APIRouter(prefix="/api")
INSPECTED = "inspected.json"
WRITE_BYTES = 4 << 20
LOOK_AT_DISK_BYTES = 64 << 20


@router.post("/uploads", status_code=201)
def begin(asks: Asks) -> dict[str, str]:
    """Begin an upload."""
    folder = new_folder(asks.folder.uploads)
    (folder / INPUT).mkdir()
    return {"upload": folder.name}


@router.put("/uploads/{upload}/files/{number}")
async def put(asks: Asks, request: Request, upload: str, number: int) -> dict[str, int]:
    """Take one file; when this answers, it is on the disk. A file of the same number is replaced.

    Raises `Refused` for too many files, for too many bytes and for a full disk.
    """
    folder, limits = asks.folder.upload(upload), asks.shop.limits
    if not 0 <= number < limits.upload_files:
        raise Refused(
            422, f"file {number} is not one of {limits.upload_files}", code="TOO_MANY_FILES"
        )
    target = folder / INPUT / f"{number:06d}"
    half = folder / f"{PASSING}{new_id()}"
    with asks.shop.uses.together(upload):
        try:
            (folder / INSPECTED).unlink(missing_ok=True)
            await _written(request.stream(), half, limits, target)
            return {"bytes": await run_in_threadpool(_replaced, half, target)}
        except FileNotFoundError:  # removed meanwhile
            raise not_found("upload") from None
        finally:
            half.unlink(missing_ok=True)


async def _written(chunks: AsyncIterator[bytes], path: Path, limits: Limits, target: Path) -> None:
    held = await run_in_threadpool(_bytes_beside, path, target)
    came, waiting, looked = 0, bytearray(), -LOOK_AT_DISK_BYTES
    with path.open("wb") as file:
        async for chunk in chunks:
            came += len(chunk)
            waiting += chunk
            if came - looked >= LOOK_AT_DISK_BYTES:  # other files of this upload may be coming
                looked, held = came, await run_in_threadpool(_bytes_beside, path, target)
                _require_room(path.parent, limits)
            if held + came > limits.upload_bytes:
                raise too_large(limits.upload_bytes)
            if len(waiting) >= WRITE_BYTES:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(_to_disk, file, bytes(waiting))


def _replaced(half: Path, target: Path) -> int:
    """Put a file in the place of those of its number; return its length."""
    size = half.stat().st_size
    for other in _of_number(target):
        other.unlink()
    half.replace(target)
    return size


def _of_number(target: Path) -> list[Path]:
    """Return the files of the number of a target; one that was looked at has a suffix."""
    return [path for path in plain_files(target.parent) if number_of(path) == target.name]


def _to_disk(file: Any, rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())


def _require_room(folder: Path, limits: Limits) -> None:
    free = shutil.disk_usage(folder).free
    if free < limits.free_bytes:
        raise Refused(
            507, f"only {free >> 20} MiB are free on the server: make room", code="DISK_FULL"
        )


def _bytes_beside(half: Path, target: Path) -> int:
    """Return the bytes of the upload without a file that comes and those that it replaces."""
    gone = {half, *_of_number(target)}
    sizes: dict[int, int] = {}
    for path in {*plain_files(half.parent), *plain_files(target.parent)} - gone:
        with suppress(FileNotFoundError):  # one that came beside this one has got its name
            there = path.stat()
            sizes[there.st_ino] = there.st_size
    return sum(sizes.values())


@router.post("/uploads/{upload}/complete")
def complete(asks: Asks, upload: str) -> dict[str, Any]:
    """Look at the files of an upload; return its series, as `afunet inspect` lists them."""
    folder = asks.folder.upload(upload)
    with asks.shop.uses.alone(upload):
        return _inspected(asks, folder)


@router.delete("/uploads/{upload}", status_code=204)
def discard(asks: Asks, upload: str) -> None:
    """Remove an upload."""
    remove(asks.folder.upload(upload))


@dataclass(frozen=True)
class AllowedFolder:
    """A folder of this computer that the server may read, under a name that tells no path."""

    id: str
    path: Path


@router.get("/folders")
def folders(asks: Asks) -> list[dict[str, str]]:
    """List the folders on the server that may be read."""
    return [{"folder": one.id, "name": one.path.name} for one in _allowed(asks)]


@router.post("/folders/{folder}/upload", status_code=201)
def of_folder(asks: Asks, folder: str) -> dict[str, Any]:
    """Make an upload of an allowed folder; links in it are left out."""
    chosen = next((one for one in _allowed(asks) if one.id == folder), None)
    if chosen is None:
        raise not_found("folder")
    files = [
        path
        for path in sorted(chosen.path.rglob("*"))
        if path.is_file() and not _through_link(path, chosen.path)
    ]
    limits = asks.shop.limits
    if len(files) > limits.upload_files:
        raise Refused(422, f"the folder holds {len(files)} files", code="TOO_MANY_FILES")
    if sum(path.stat().st_size for path in files) > limits.upload_bytes:
        raise too_large(limits.upload_bytes)
    upload = new_folder(asks.folder.uploads)
    (upload / INPUT).mkdir()
    for number, path in enumerate(files):
        shutil.copyfile(path, upload / INPUT / f"{number:06d}")
    return _inspected(asks, upload)


def _through_link(path: Path, top: Path) -> bool:
    return any(one.is_symlink() for one in (path, *path.parents) if top in one.parents)


def _allowed(asks: Caller) -> list[AllowedFolder]:
    """Return the allowed folders and the folders in them."""
    found = []
    for top in asks.shop.folders:
        inside = sorted(path for path in top.iterdir() if path.is_dir() and not path.is_symlink())
        found += [AllowedFolder(_opaque(asks, path), path) for path in (top, *inside)]
    return found


def _opaque(asks: Caller, path: Path) -> str:
    return hashlib.blake2s(os.fsencode(path), key=asks.shop.secret, digest_size=8).hexdigest()


def _inspected(asks: Caller, folder: Path) -> dict[str, Any]:
    if not plain_files(folder / INPUT):
        raise Refused(422, "the upload holds no file: send one", code="NOTHING_GIVEN")
    name_by_content(folder / INPUT)
    answer = asks.shop.carried_out(INSPECT, {"folder": str(folder / INPUT)})
    found = {"series": [_without_folders(one) for one in answer["series"]]}
    write_json(folder / INSPECTED, found)
    return {"upload": folder.name, **found}


def _without_folders(series: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of a series without folders of this computer."""
    told = [{**one, "message": line_of(one["message"])} for one in series["findings"]]
    refused = series["refused"]
    return {
        **series,
        "findings": told,
        "refused": refused and {**refused, "message": line_of(refused["message"])},
    }


@dataclass(frozen=True)
class ChosenSeries:
    """A series of an upload that can become a case; `series` is "" for one volume file."""

    folder: Path
    series: str


def chosen_series(asks: Caller, upload: str, series: str) -> ChosenSeries:
    """Return a series of an upload; raises `Refused` if it cannot be segmented."""
    folder = asks.folder.upload(upload)
    try:
        listed = json.loads((folder / INSPECTED).read_bytes())["series"]
    except FileNotFoundError:
        raise Refused(409, "the upload is not complete: complete it", code="NOT_DONE") from None
    found = next((one for one in listed if one["series"] == series), None)
    if found is None:
        raise Refused(
            422, f"there is no such series: choose from 1 to {len(listed)}", code="SERIES_UNKNOWN"
        )
    if found["refused"] is not None:
        raise Refused(422, found["refused"]["message"], code=found["refused"]["code"])
    return ChosenSeries(folder, series if found["images"] else "")
