"""Scan and labels of a case as NIfTI, whole or in part, and the surfaces of its pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from afunet.server.cases import finished
from afunet.server.nifti_stream import NiftiStream, Slab, part_of, ras_view
from afunet.server.refusals import Refused, not_found
from afunet.server.view import SCAN_PACKED, kept_labels, kept_scan, packed, version_of
from afunet.server.view_meshes import VIEWED, mesh_file
from afunet.server.workshop import Asks

router = APIRouter(prefix="/api/cases/{case}")
NIFTI_TYPE = "application/octet-stream"
LOOPBACK = ("127.0.0.1", "::1")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@router.get("/scan.nii")
def scan(
    asks: Asks,
    request: Request,
    case: str,
    first: int | None = None,
    last: int | None = None,
    step: int | None = None,
) -> Response:
    """Send the scan, int16 HU."""
    folder = finished(asks, case)
    whole = first is last is step is None
    if whole and _takes_gzip(request) and "range" not in request.headers:
        headers = {"content-encoding": "gzip", "vary": "accept-encoding"}
        return FileResponse(folder.view / SCAN_PACKED, headers=headers, media_type=NIFTI_TYPE)
    ras = ras_view(kept_scan(folder))
    return _sent(request, NiftiStream(part_of(ras, Slab.of(first, last, step, ras.shape[0]))))


@router.get("/labels.nii")
def labels(
    asks: Asks,
    request: Request,
    case: str,
    first: int | None = None,
    last: int | None = None,
    step: int | None = None,
) -> Response:
    """Send the labels of the pieces, uint8 or uint16; the ETag is their version."""
    folder = finished(asks, case)
    with asks.shop.lock(case):
        version = version_of(folder)
        ras = ras_view(kept_labels(folder, version))
    part = part_of(ras, Slab.of(first, last, step, ras.shape[0]))
    return _sent(request, NiftiStream(part), {"etag": f'"{version}"'})


@router.get("/meshes/{name}")
def mesh(asks: Asks, case: str, name: str) -> Response:
    """Send the surface of a piece, `<label>.mz3` in RAS or `<label>.stl` in LPS."""
    folder = finished(asks, case)
    label, _, kind = name.partition(".")
    if kind not in VIEWED or not label.isdecimal() or len(label) > 5:
        raise not_found("surface")
    with asks.shop.lock(case):
        version = version_of(folder)
        path = asks.shop.meshes.get((case, version, name))
        kept = None if path else kept_labels(folder, version)
    if kept is not None:
        path = mesh_file(folder.view, kept, int(label), kind)
        asks.shop.meshes[case, version, name] = path
    assert path is not None
    return FileResponse(path, media_type=NIFTI_TYPE)


def _sent(
    request: Request, stream: NiftiStream, headers: Mapping[str, str] | None = None
) -> Response:
    """Send a volume: packed if the client takes that, a part of it if it asked for a range."""
    wanted = request.headers.get("range")
    headers = {**(headers or {}), "accept-ranges": "bytes", "vary": "accept-encoding"}
    if wanted is None and _takes_gzip(request) and not _is_here(request):
        headers["content-encoding"] = "gzip"
        return _streamed(packed(stream.chunks()), 200, headers)
    start, stop = (0, stream.length) if wanted is None else _range(wanted, stream.length)
    headers["content-length"] = str(stop - start)
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{stream.length}"
    return _streamed(stream.chunks(start, stop), 200 if wanted is None else 206, headers)


def _streamed(chunks: Iterator[bytes], status: int, headers: Mapping[str, str]) -> Response:
    return StreamingResponse(chunks, status, headers=headers, media_type=NIFTI_TYPE)


def _range(wanted: str, length: int) -> tuple[int, int]:
    """Return the first byte, and the one after the last, of a request for one range (RFC 9110)."""
    found = RANGE.fullmatch(wanted.replace(" ", ""))
    first, last = found.groups() if found and len(wanted) < 60 else ("", "")
    if first:
        start, stop = int(first), min(int(last) + 1, length) if last else length
    elif last:
        start, stop = max(0, length - int(last)), length
    else:
        start = stop = 0
    if start >= stop:
        raise Refused(416, f"this range is not in the {length} bytes", code="RANGE_OUTSIDE")
    return start, stop


def _is_here(request: Request) -> bool:
    """Whether the client is on this computer: to pack takes longer than to send within it."""
    return request.client is not None and request.client.host in LOOPBACK


def _takes_gzip(request: Request) -> bool:
    """Whether the client takes gzip (RFC 9110, 12.5.3)."""
    for one in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0")
    return False
