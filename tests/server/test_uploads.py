"""Uploads: which are removed, who may work with one at a time, and what replaces what."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.server.conftest import ANN, LIMITS, Served, refusal, zip_of
from tests.server.test_cases import uploaded

from afunet.server import uploads
from afunet.server.abandoned import remove_abandoned
from afunet.server.home import INPUT, PASSING, Home

DAY_S = 24 * 3600.0


def left_alone(upload: Path, for_s: float) -> None:
    then = time.time() - for_s
    for path in (upload / INPUT, upload):
        os.utime(path, (then, then))


def test_uploads_that_became_no_case_are_removed_after_a_day(
    served: Served, client: TestClient
) -> None:
    names = [uploaded(client, b"scan") for _ in range(4)]
    old, young, used, fed = map(served.shop.home.user(ANN).upload, names)
    for upload, age_s in ((old, 1.01), (young, 0.99), (used, 9), (fed, 9)):
        left_alone(upload, age_s * DAY_S)
    client.put(f"/api/uploads/{fed.name}/files/1", content=b"more")
    with served.shop.uses.together(used.name):
        assert remove_abandoned(served.shop) == 1
    assert [upload.exists() for upload in (old, young, used, fed)] == [False, True, True, True]
    assert remove_abandoned(served.shop) == 1
    assert remove_abandoned(served.shop, now=time.time() + 2 * DAY_S) == 2
    assert served.folder.path.is_dir()


def test_a_server_that_starts_removes_what_a_killed_one_had_not_finished(served: Served) -> None:
    upload = served.shop.home.user(ANN).uploads / ("u" * 16)
    (upload / INPUT).mkdir(parents=True)
    for folder in (upload, served.folder.view):
        (folder / f"{PASSING}x").write_bytes(b"half")
    (upload / INPUT / "000000").write_bytes(b"whole")
    with Home(served.shop.home.path).alone():
        assert not list(served.shop.home.path.rglob(f"{PASSING}*"))
    assert (upload / INPUT / "000000").read_bytes() == b"whole"


def test_who_must_be_alone_with_an_upload_is_told_to_wait(
    served: Served, client: TestClient, zipped: bytes
) -> None:
    upload = uploaded(client, zipped)
    path = f"/api/uploads/{upload}"
    wanted = {"upload": upload, "series": "1"}
    with served.shop.uses.together(upload):
        assert client.put(f"{path}/files/1", content=b"beside").status_code == 200
        assert refusal(client.post(f"{path}/complete")) == (409, "UPLOAD_BUSY")
        assert refusal(client.post("/api/cases", json=wanted)) == (409, "UPLOAD_BUSY")
    with served.shop.uses.alone(upload):
        assert refusal(client.put(f"{path}/files/1", content=b"late")) == (409, "UPLOAD_BUSY")
        assert refusal(client.post(f"{path}/complete")) == (409, "UPLOAD_BUSY")
    assert client.delete(path).status_code == 204
    assert refusal(client.put(f"{path}/files/1", content=b"late")) == (404, "NOT_FOUND")


def test_a_file_replaces_that_of_its_number_also_after_it_was_looked_at(
    served: Served, client: TestClient, zipped: bytes
) -> None:
    upload = uploaded(client, zip_of({"a.txt": b"nothing"}))
    assert client.post(f"/api/uploads/{upload}/complete").status_code == 422
    assert client.put(f"/api/uploads/{upload}/files/0", content=zipped).status_code == 200
    folder = served.shop.home.user(ANN).upload(upload)
    assert [path.name for path in (folder / INPUT).iterdir()] == ["000000"]
    (series,) = client.post(f"/api/uploads/{upload}/complete").json()["series"]
    assert series["refused"] is None


def test_files_that_come_side_by_side_are_held_to_the_bytes_of_one_upload(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LOOK_AT_DISK_BYTES", 1 << 20)
    upload = uploaded(client)
    other = served.shop.home.user(ANN).upload(upload) / f"{PASSING}other"
    path = f"/api/uploads/{upload}/files"

    def growing() -> object:
        for _ in range(6):
            yield bytes(1 << 20)
        other.write_bytes(bytes(LIMITS.upload_bytes // 2))
        yield bytes(1 << 20)

    assert refusal(client.put(f"{path}/0", content=growing())) == (413, "TOO_LARGE")
    other.unlink()
    assert client.put(f"{path}/0", content=bytes(7 << 20)).status_code == 200
