"""What an attacker may send, and the code with which each is refused; a table of requests.

All go to a server at a real socket, as the bytes that stand here.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import socket
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from tests.server.conftest import ANN, BEN, LIMITS, Live, zip_of

from afunet.server.monailabel.app_info import MODELS
from afunet.server.view import version_of

CONTENT = b"nothing"


@dataclass(frozen=True)
class Sent:
    """A request; `headers` replace those of the page, None leaves one out."""

    method: str
    path: str
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    user: str = ANN
    version: str = "1.1"

    def bytes_for(self, live: Live) -> bytes:
        own: dict[str, str | None] = {
            "host": f"127.0.0.1:{live.port}",
            "authorization": f"Bearer {live.token(self.user)}",
            "x-afunet": "1",
            "content-length": str(len(self.body)),
            "connection": "close",
            **self.headers,
        }
        path = self.path.replace("CASE", live.case)
        lines = [f"{self.method} {path} HTTP/{self.version}"]
        lines += [f"{name}: {value}" for name, value in own.items() if value is not None]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def answer_to(live: Live, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return the status, the headers and the body of the answer."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=60) as wire:
        wire.sendall(sent)
        came = b""
        while chunk := _received(wire):
            came += chunk
    head, _, body = came.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return int(first.split()[1]), headers, body


def _received(wire: socket.socket) -> bytes:
    try:
        return wire.recv(1 << 16)
    except ConnectionResetError:  # the server closed before it read all
        return b""


def code_in(body: bytes) -> str:
    """The code of a refusal; chunked answers have lengths round their JSON."""
    text = body[body.index(b"{") : body.rindex(b"}") + 1]
    told = json.loads(text)
    assert told["message"].isprintable()
    assert set(told) == {"code", "message"}
    return str(told["code"])


def post(path: str, content: Any, **headers: str | None) -> Sent:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent("POST", path, {"content-type": "application/json", **named}, body)


def chunked(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


EDITS = "/api/cases/CASE/edits"
ERASE = {"kind": "erase", "pieces": [1]}
FILES = "/api/cases/CASE/files"
ORIGINAL = '"VERSION"'
HEADS: dict[str, tuple[Sent, int, str]] = {
    "no token": (Sent("GET", "/api/cases", {"authorization": None}), 401, "TOKEN_UNKNOWN"),
    "forged token": (
        Sent("GET", "/api/cases", {"authorization": "Bearer " + "x" * 43}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "token that is no text": (
        Sent("GET", "/api/cases", {"authorization": "Bearer \xff\xfe"}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "empty token": (Sent("GET", "/api/cases", {"authorization": "Bearer "}), 401, "TOKEN_UNKNOWN"),
    "digest as token": (
        Sent("GET", "/api/cases", {"authorization": "Bearer DIGEST"}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "another scheme": (
        Sent("GET", "/api/cases", {"authorization": "Basic TOKEN"}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "token in the address": (
        Sent("GET", "/api/cases?token=TOKEN", {"authorization": None}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "cookie of another port": (
        Sent("GET", "/api/cases", {"authorization": None, "cookie": "afunet-1=TOKEN"}),
        401,
        "TOKEN_UNKNOWN",
    ),
    "case of another user": (Sent("GET", "/api/cases/CASE", user=BEN), 404, "NOT_FOUND"),
    "scan of another user": (Sent("GET", "/api/cases/CASE/scan.nii", user=BEN), 404, "NOT_FOUND"),
    "file of another user": (Sent("GET", f"{FILES}/report.json", user=BEN), 404, "NOT_FOUND"),
    "removal of another user's case": (
        Sent("DELETE", "/api/cases/CASE", user=BEN),
        404,
        "NOT_FOUND",
    ),
    "foreign host": (Sent("GET", "/api/cases", {"host": "evil.example"}), 400, "WRONG_HOST"),
    "foreign host with the port": (
        Sent("GET", "/api/cases", {"host": "evil.example:PORT"}),
        400,
        "WRONG_HOST",
    ),
    "own name in a foreign one": (
        Sent("GET", "/api/cases", {"host": "127.0.0.1.evil.example:PORT"}),
        400,
        "WRONG_HOST",
    ),
    "another port": (Sent("GET", "/api/cases", {"host": "127.0.0.1:1"}), 400, "WRONG_HOST"),
    "no host": (Sent("GET", "/api/cases", {"host": None}, version="1.0"), 400, "WRONG_HOST"),
    "foreign origin": (
        post(EDITS, ERASE, origin="http://evil.example", if_match=ORIGINAL),
        403,
        "WRONG_ORIGIN",
    ),
    "origin of another port": (
        post(EDITS, ERASE, origin="http://127.0.0.1:1", if_match=ORIGINAL),
        403,
        "WRONG_ORIGIN",
    ),
    "origin null": (post(EDITS, ERASE, origin="null", if_match=ORIGINAL), 403, "WRONG_ORIGIN"),
    "form without the header": (
        post(EDITS, ERASE, x_afunet=None, if_match=ORIGINAL),
        403,
        "HEADER_MISSING",
    ),
    "header with another value": (
        post(EDITS, ERASE, x_afunet="0", if_match=ORIGINAL),
        403,
        "HEADER_MISSING",
    ),
    "removal by a link": (
        Sent("DELETE", "/api/cases/CASE", {"x-afunet": None}),
        403,
        "HEADER_MISSING",
    ),
    "method that changes nothing here": (
        Sent("PATCH", "/api/cases"),
        405,
        "METHOD_UNKNOWN",
    ),
}
PATHS: dict[str, tuple[Sent, int, str]] = {
    name: (Sent("GET", path), 404, "NOT_FOUND")
    for name, path in {
        "way up in a file": f"{FILES}/../case.json",
        "way far up": f"{FILES}/../../../../../../../../etc/passwd",
        "way up, encoded": f"{FILES}/%2e%2e/case.json",
        "way up, encoded twice": f"{FILES}/%252e%252e/case.json",
        "way up with backslashes": f"{FILES}/..%5c..%5ccase.json",
        "absolute path": f"{FILES}//etc/passwd",
        "absolute path, encoded": f"{FILES}/%2Fetc%2Fpasswd",
        "end of text in a name": f"{FILES}/report.json%00.png",
        "list of own files": f"{FILES}/.afunet.json",
        "uploaded file": f"{FILES}/../input/000000.zip",
        "case that is a way up": "/api/cases/..",
        "case that is a way up, encoded": "/api/cases/%2e%2e%2f%2e%2e",
        "case of 16 points": "/api/cases/" + "." * 16,
        "case with a long name": "/api/cases/" + "a" * 5000,
        "code of the server": "/static/../app.py",
        "code of the server, encoded": "/static/%2e%2e/app.py",
        "surface with a way up": "/api/cases/CASE/meshes/..%2f..%2fcase.json",
        "surface of a huge label": "/api/cases/CASE/meshes/99999999999999999999.mz3",
        "description of the interface": "/openapi.json",
    }.items()
}
BODIES: dict[str, tuple[Sent, int, str]] = {
    "huge JSON": (post(EDITS, b"[" + b"1," * LIMITS.request_bytes + b"1]"), 413, "TOO_LARGE"),
    "deep JSON": (post(EDITS, b"[" * 30000 + b"]" * 30000, if_match=ORIGINAL), 400, "BAD_REQUEST"),
    "no JSON": (post(EDITS, b"{", if_match=ORIGINAL), 422, "BAD_REQUEST"),
    "bytes that are no text": (post(EDITS, b"\xff\xfe{}", if_match=ORIGINAL), 422, "BAD_REQUEST"),
    "field that nobody asked for": (
        post(EDITS, {**ERASE, "path": "/etc"}, if_match=ORIGINAL),
        422,
        "BAD_REQUEST",
    ),
    "unknown kind": (post(EDITS, {**ERASE, "kind": "run"}, if_match=ORIGINAL), 422, "BAD_REQUEST"),
    "seed that is no number": (
        post(EDITS, b'{"kind":"part","pieces":[1],"seeds_mm":[[NaN,0,0],[0,0,0]]}', if_match="x"),
        422,
        "BAD_REQUEST",
    ),
    "seed without end": (
        post(EDITS, b'{"kind":"part","pieces":[1],"seeds_mm":[[1e999,0,0]]}', if_match="x"),
        422,
        "BAD_REQUEST",
    ),
    "label 0": (post(EDITS, {**ERASE, "pieces": [0]}, if_match=ORIGINAL), 422, "BAD_REQUEST"),
    "label beyond all": (
        post(EDITS, {**ERASE, "pieces": [10**30]}, if_match=ORIGINAL),
        422,
        "BAD_REQUEST",
    ),
    "thousands of pieces": (
        post(EDITS, {**ERASE, "pieces": [1] * 5000}, if_match=ORIGINAL),
        422,
        "BAD_REQUEST",
    ),
    "huge version": (post(EDITS, ERASE, if_match='"' + "a" * 50_000), 412, "STALE_VERSION"),
    "any version": (post(EDITS, ERASE, if_match="*"), 412, "STALE_VERSION"),
    "half a letter as a format": (
        post("/api/cases/CASE/export", b'{"formats": ["\\ud800"]}'),
        422,
        "CONFIG_ERROR",
    ),
    "half a letter as a field": (
        post(EDITS, b'{"\\ud800": 1}', if_match=ORIGINAL),
        422,
        "BAD_REQUEST",
    ),
    "lines in a field": (post(EDITS, {"a\nb\x00": 1}, if_match=ORIGINAL), 422, "BAD_REQUEST"),
    "half a letter as a bone": (
        post(EDITS, b'{"kind":"rename","pieces":[1],"name":"\\udfff"}', if_match=ORIGINAL),
        422,
        "BAD_REQUEST",
    ),
    "stale version": (post(EDITS, ERASE, if_match='"older"'), 412, "STALE_VERSION"),
    "no version": (post(EDITS, ERASE), 428, "VERSION_NEEDED"),
    "script as a bone": (
        post(
            EDITS,
            {"kind": "rename", "pieces": [1], "name": "<script>alert(1)</script>"},
            if_match=ORIGINAL,
        ),
        422,
        "UNKNOWN_NAME",
    ),
    "unknown format": (post("/api/cases/CASE/export", {"formats": ["../x"]}), 422, "CONFIG_ERROR"),
    "large body where none belongs": (
        post("/api/cases/CASE/cancel", bytes(LIMITS.request_bytes + 1)),
        413,
        "TOO_LARGE",
    ),
    "scan for a model that is not there": (
        post("/infer/another", bytes(LIMITS.request_bytes + 1)),
        413,
        "TOO_LARGE",
    ),
    "scan for a store that is not there": (
        Sent("PUT", "/datastore/another", body=bytes(LIMITS.request_bytes + 1)),
        413,
        "TOO_LARGE",
    ),
    "scan as a question": (
        Sent("POST", "/session/", body=bytes(LIMITS.request_bytes + 1)),
        413,
        "TOO_LARGE",
    ),
    "form that is none": (
        Sent("PUT", "/session/", {"content-type": "multipart/form-data; boundary=x"}, b"--y"),
        400,
        "BAD_REQUEST",
    ),
    "form without end": (
        Sent(
            "PUT",
            "/session/",
            {
                "content-type": "multipart/form-data; boundary=x",
                "transfer-encoding": "chunked",
                "content-length": None,
            },
            chunked(b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n')
            + chunked(bytes(1 << 16)) * 140,
        ),
        413,
        "TOO_LARGE",
    ),
    "session with a way up": (Sent("GET", "/session/..%2f..%2fann"), 404, "NOT_FOUND"),
    "packed body": (
        post(EDITS, gzip.compress(b"{}"), content_encoding="gzip"),
        415,
        "BODY_ENCODED",
    ),
    "title without end": (
        post("/api/cases", {"upload": "a" * 16, "series": "1", "name": "a" * 5000}),
        422,
        "BAD_REQUEST",
    ),
    "upload that is not there": (
        post("/api/cases", {"upload": "a" * 16, "series": "1"}),
        404,
        "NOT_FOUND",
    ),
    "upload with a way up": (
        post("/api/cases", {"upload": "../../../../ann", "series": "1"}),
        404,
        "NOT_FOUND",
    ),
    "folder that is not allowed": (post("/api/folders/etc/upload", b""), 404, "NOT_FOUND"),
    "slices that are not there": (
        Sent("GET", "/api/cases/CASE/scan.nii?first=5&last=999999999999"),
        422,
        "SLAB_OUTSIDE",
    ),
    "step of nothing": (Sent("GET", "/api/cases/CASE/labels.nii?step=0"), 422, "SLAB_OUTSIDE"),
    "slice that is no number": (
        Sent("GET", "/api/cases/CASE/labels.nii?first=0x1"),
        422,
        "BAD_REQUEST",
    ),
    "range that is not there": (
        Sent("GET", "/api/cases/CASE/scan.nii", {"range": "bytes=999999999-"}),
        416,
        "RANGE_OUTSIDE",
    ),
    "range of many parts": (
        Sent("GET", "/api/cases/CASE/scan.nii", {"range": "bytes=" + "0-1," * 200}),
        416,
        "RANGE_OUTSIDE",
    ),
}
TABLE = {**HEADS, **PATHS, **BODIES}


@pytest.mark.parametrize("name", TABLE)
def test_an_attack_is_refused_with_its_code(live: Live, name: str) -> None:
    sent, status, code = TABLE[name]
    got, headers, body = answer_to(live, filled(sent, live))
    assert (got, code_in(body)) == (status, code)
    assert headers["content-type"] == "application/json"
    require_safe(headers)
    assert live.token().encode() not in body
    assert str(live.folder.path.parents[3]).encode() not in body


def filled(sent: Sent, live: Live) -> bytes:
    import hashlib

    token = live.token()
    digest = hashlib.sha256(token.encode()).hexdigest()
    basic = base64.b64encode(f"ann:{token}".encode()).decode()
    content = sent.bytes_for(live).replace(b"Basic TOKEN", f"Basic {basic}".encode())
    version = version_of(live.folder)
    for word, value in (
        ("VERSION", version),
        ("TOKEN", token),
        ("DIGEST", digest),
        ("PORT", str(live.port)),
    ):
        content = content.replace(word.encode(), value.encode())
    return content


def require_safe(headers: dict[str, str]) -> None:
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "http" not in policy
    assert "*" not in policy
    assert "frame-ancestors 'none'" in policy


def test_there_are_more_than_forty_attacks() -> None:
    assert len(TABLE) + len(UPLOADS) >= 40


def bomb(members: int, size: int) -> bytes:
    return zip_of({f"{number}.dcm": bytes(size) for number in range(members)})


def nested(depth: int) -> bytes:
    content = zip_of({"a.dcm": CONTENT})
    for _ in range(depth):
        content = zip_of({"inner.zip": content})
    return content


def encrypted() -> bytes:
    content = bytearray(zip_of({"a.dcm": CONTENT}))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + at] |= 1
    return bytes(content)


def nifti(shape: tuple[int, ...] = (4, 4, 4), **changes: Any) -> bytes:
    """A volume of zeros whose header is then changed to say something else."""
    image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4))
    content = bytearray(image.to_bytes())
    header = nibabel.Nifti1Header(bytes(content[:348]), check=False)
    header["dim"][1 : 1 + len(shape)] = shape
    for name, value in changes.items():
        header[name] = value
    content[:348] = header.binaryblock
    return bytes(content)


def dicom(**changes: Any) -> bytes:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    dataset.SOPClassUID, dataset.Modality = pydicom.uid.CTImageStorage, "CT"
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.3", "1.2.3.4"
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored = 4, 4, 16, 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(32)
    for name, value in changes.items():
        setattr(dataset, name, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


UPLOADS: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip slip": (lambda: zip_of({"../../evil.dcm": CONTENT}), "ARCHIVE_PATH"),
    "zip slip, absolute": (lambda: zip_of({"/etc/evil": CONTENT}), "ARCHIVE_PATH"),
    "zip slip, Windows": (lambda: zip_of({"..\\evil.dcm": CONTENT}), "ARCHIVE_PATH"),
    "zip bomb": (lambda: bomb(40, 4 << 20), "ARCHIVE_SIZE"),
    "zip in zip in zip in zip": (lambda: nested(4), "ARCHIVE_SIZE"),
    "zip cut off": (lambda: zip_of({"a.dcm": CONTENT * 100})[:-30], "ARCHIVE_BROKEN"),
    "zip with a password": (encrypted, "ENCRYPTED_ARCHIVE"),
    "zip of nothing": (lambda: zip_of({}), "NO_DICOM"),
    "gzip bomb": (lambda: gzip.compress(bytes(64 << 20)), "NO_DICOM"),
    "NIfTI that says 30,000 cubed": (lambda: nifti((30000, 30000, 30000)), "FILE_CUT"),
    "packed NIfTI that says 30,000 cubed": (
        lambda: gzip.compress(nifti((30000, 30000, 30000))),
        "FILE_CUT",
    ),
    "NIfTI of negative size": (lambda: nifti((-4, 4, 4)), "FILE_BROKEN"),
    "NIfTI of another type": (lambda: nifti(datatype=9999), "FILE_BROKEN"),
    "NIfTI placed nowhere": (
        lambda: nifti(srow_x=(np.nan,) * 4, sform_code=1, qform_code=0),
        "NO_PLACEMENT",
    ),
    "DICOM cut off": (lambda: dicom()[:300], "CUT_FILE"),
    "DICOM that says 65,535 squared": (lambda: dicom(Rows=65535, Columns=65535), "IMAGE_TOO_LARGE"),
    "DICOM of nothing but its mark": (lambda: bytes(128) + b"DICM", "CUT_FILE"),
    "DICOM with random bytes": (
        lambda: bytes(128) + b"DICM" + np.random.default_rng(1).bytes(5000),
        "CUT_FILE",
    ),
    "web page": (lambda: b"<html><script>alert(1)</script></html>", "NO_DICOM"),
    "program": (lambda: b"\x7fELF" + struct.pack("<60Q", *range(60)), "NO_DICOM"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_a_malicious_upload_is_refused_with_its_code(live: Live, name: str) -> None:
    make, code = UPLOADS[name]
    with live.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        assert client.put(f"/api/uploads/{upload}/files/0", content=make()).status_code == 200
        answer = client.post(f"/api/uploads/{upload}/complete")
        if answer.status_code == 200:  # listed, with the reason why it is not read
            refused = [series["refused"] for series in answer.json()["series"]]
            assert [one["code"] for one in refused] == [code]
            made = client.post("/api/cases", json={"upload": upload, "series": "1"})
            assert (made.status_code, made.json()["code"]) == (422, code)
        else:
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        client.delete(f"/api/uploads/{upload}")
    assert not list(live.folder.path.parents[4].rglob("evil*"))


MHD = (
    "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\n{}"
    "ElementDataFile = {}\n"
)
NHDR = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n{}data file: {}\n\n"
HEADERS_OF_FILES: dict[str, tuple[str, int, str]] = {
    f"{kind} of {what}": (header.format(before, name), others, code)
    for kind, header in (("MetaImage", MHD), ("NRRD", NHDR))
    for what, before, name, others, code in (
        ("an absolute path", "", "/etc/passwd", 1, "HEADER_PATH"),
        ("a way up", "", "../../../users.json", 1, "HEADER_PATH"),
        ("a way up on Windows", "", "..\\..\\users.json", 1, "HEADER_PATH"),
        ("a drive", "", "C:secret", 1, "HEADER_PATH"),
        ("the folder above", "", "..", 1, "HEADER_PATH"),
        ("a list", "", "LIST", 1, "HEADER_PATH"),
        ("a pattern", "", "a%03d.raw 1 4 1", 1, "HEADER_PATH"),
        ("nothing", "", "", 1, "HEADER_PATH"),
        ("a file alone", "", "/etc/passwd", 0, "NO_PARTNER"),
        ("a file among many", "", "/etc/passwd", 3, "NO_PARTNER"),
        ("two files", "ElementDataFile = LOCAL\ndata file: a\n", "/etc/passwd", 1, "FILE_BROKEN"),
        ("a comment before", "Comment = x" + "y" * 70_000 + "\n", "/etc/passwd", 1, "FILE_BROKEN"),
    )
}


@pytest.mark.parametrize("name", HEADERS_OF_FILES)
def test_a_header_leads_to_no_file_but_its_own(live: Live, name: str) -> None:
    header, others, code = HEADERS_OF_FILES[name]
    with live.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        path = f"/api/uploads/{upload}"
        for number, content in enumerate([header.encode(), *[bytes(64)] * others]):
            assert client.put(f"{path}/files/{number}", content=content).status_code == 200
        answer = client.post(f"{path}/complete")
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        client.delete(path)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nhdr", ".mhd"])
def test_a_program_is_not_lent_the_servers_files(live: Live, suffix: str) -> None:
    header = (MHD if "m" in suffix else NHDR).format("", "/etc/passwd")
    with live.client() as client:
        sent = client.put("/session/", files={"files": (f"a{suffix}", header.encode())})
        assert (sent.status_code, sent.json()["code"]) == (422, "HEADER_PATH")
        kept = client.put(
            "/datastore/", params={"image": "a"}, files={"file": (f"a{suffix}", header.encode())}
        )
        assert (kept.status_code, kept.json()["code"]) == (422, "HEADER_PATH")
        gone = client.get("/session/" + "0" * 32)
        assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
        assert "session" in gone.json()["message"]


def test_each_model_takes_a_scan() -> None:
    for name in MODELS:
        assert LIMITS.most_bytes("POST", f"/infer/{name}") == LIMITS.upload_bytes
    assert LIMITS.most_bytes("GET", "/infer/afunet") == LIMITS.request_bytes


def test_an_upload_is_held_to_its_bytes_and_files(live: Live) -> None:
    with live.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        path = f"/api/uploads/{upload}/files"

        def put(number: object, content: Any) -> tuple[int, str]:
            answer = client.put(f"{path}/{number}", content=content)
            return answer.status_code, answer.json().get("code", "")

        over = bytes(LIMITS.upload_bytes + 1)
        assert put(0, over) == (413, "TOO_LARGE")
        assert put(0, (over[at : at + 65536] for at in range(0, len(over), 65536))) == (
            413,
            "TOO_LARGE",
        )
        half = bytes(LIMITS.upload_bytes // 2)
        assert put(0, half) == put(1, half) == put(1, half) == (200, "")
        assert put(2, b"1") == (413, "TOO_LARGE")
        assert put(LIMITS.upload_files, b"1") == (422, "TOO_MANY_FILES")
        assert put(-1, b"1") == (422, "TOO_MANY_FILES")
        assert put("one", b"1") == (422, "BAD_REQUEST")
        folder = live.folder.path.parents[1] / "uploads" / upload
        assert sorted(one.name for one in folder.rglob("*") if one.is_file()) == [
            "000000",
            "000001",
        ]
        assert client.delete(f"/api/uploads/{upload}").status_code == 204


def test_an_empty_upload_and_an_unfinished_one_are_no_case(live: Live) -> None:
    with live.client() as client:
        upload = client.post("/api/uploads").json()["upload"]
        empty = client.post(f"/api/uploads/{upload}/complete")
        assert (empty.status_code, empty.json()["code"]) == (422, "NOTHING_GIVEN")
        early = client.post("/api/cases", json={"upload": upload, "series": "1"})
        assert (early.status_code, early.json()["code"]) == (409, "NOT_DONE")
        client.delete(f"/api/uploads/{upload}")


def test_a_chunked_body_without_end_is_cut_off(live: Live) -> None:
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    sent = post(EDITS, b"", transfer_encoding="chunked", content_length=None, if_match=ORIGINAL)
    status, _, body = answer_to(live, sent.bytes_for(live) + chunk * 4)
    assert (status, code_in(body)) == (413, "TOO_LARGE")


def test_a_slow_body_is_given_up(live: Live) -> None:
    sent = post(EDITS, b"{", content_length="5000", if_match=ORIGINAL)
    status, _, body = answer_to(live, sent.bytes_for(live))
    assert (status, code_in(body)) == (408, "TOO_SLOW")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_no_fault(live: Live, head: bytes) -> None:
    status, _, _ = answer_to(live, head)
    assert status == 400


def test_links_out_of_the_data_folder_are_not_followed(live: Live, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"title": "x", "created": "x", "series": "1", "fast": false}')
    scene = live.folder.results / "scene.png"
    kept = scene.read_bytes()
    other = live.folder.path.with_name("b" * 16)
    with live.client() as client:
        try:
            scene.unlink()
            scene.symlink_to(secret)
            answer = client.get(f"/api/cases/{live.case}/files/scene.png")
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
            other.symlink_to(live.folder.path)
            assert client.get(f"/api/cases/{other.name}").status_code == 404
            assert [one["case"] for one in client.get("/api/cases").json()] == [live.case]
        finally:
            scene.unlink()
            scene.write_bytes(kept)
            other.unlink(missing_ok=True)


def test_a_link_with_a_token_sets_a_cookie_that_scripts_cannot_read(live: Live) -> None:
    host = f"127.0.0.1:{live.port}"
    sent = f"GET /?token={live.token()} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    status, headers, _ = answer_to(live, sent.encode())
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    value = cookie.partition(";")[0]
    again = f"GET /api/cases HTTP/1.1\r\nHost: {host}\r\nCookie: {value}\r\nConnection: close\r\n"
    assert answer_to(live, again.encode() + b"\r\n")[0] == 200
    wrong = sent.replace(live.token(), "x" * 43)
    status, headers, body = answer_to(live, wrong.encode())
    assert status == 401
    assert "set-cookie" not in headers
    assert b"<script" not in body


def test_a_title_with_a_script_is_text_everywhere(live: Live) -> None:
    content = zip_of({"a.txt": CONTENT}, zipfile.ZIP_STORED)
    assert content
    script = "<script>alert(1)</script>"
    with live.client() as client:
        image = nibabel.Nifti1Image(
            np.random.default_rng(0).integers(-1000, 1000, (16, 16, 6)).astype(np.int16), np.eye(4)
        )
        upload = client.post("/api/uploads").json()["upload"]
        client.put(f"/api/uploads/{upload}/files/0", content=image.to_bytes())
        assert client.post(f"/api/uploads/{upload}/complete").status_code == 200
        made = client.post("/api/cases", json={"upload": upload, "series": "1", "name": script})
        shown = client.get(f"/api/cases/{made.json()['case']}")
        assert shown.json()["title"] == script
        assert shown.headers["content-type"] == "application/json"
        client.post(f"/api/cases/{made.json()['case']}/cancel")
