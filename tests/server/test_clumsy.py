"""Requests that nobody means: random bodies and names, a full disk, removal at the wrong time."""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import time
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.conftest import ANN, Served, refusal
from tests.server.test_corrections import edit, labels_of

from afunet.jobs.job import State
from afunet.jobs.ledger import Ledger
from afunet.server.refusals import line_of

WORDS = [
    None, True, 0, -1, 1, 1.5, 10**30, -(10**30), "", "1", "x" * 70, "../..", "\x00", "\u202e",
    "\ud800", "left tibia", "join",
    "part", "rename", "stl", [], {}, [[]], [1, 1], [[0, 0, 0]], {"a": {}},
]  # fmt: skip
FIELDS = ["kind", "pieces", "seeds_mm", "name", "upload", "series", "fast", "formats", "\ud800", ""]
PATHS = ["/uploads", "/uploads/ID/complete", "/cases", "/cases/ID/edits", "/cases/ID/undo"]
PATHS += ["/cases/ID/export", "/cases/ID/cancel", "/cases/ID/retry", "/folders/ID/upload"]
ID_LIKE = ["%00", "a" * 16, "..", "%F0%9F%A6%B4" * 4, "-" * 16, "a/b", "%ff" * 16]


def random_body(chance: random.Random) -> bytes:
    content: Any = {chance.choice(FIELDS): chance.choice(WORDS) for _ in range(chance.randrange(5))}
    if chance.random() < 0.1:
        content = chance.choice(WORDS)
    text = json.dumps(content).encode()
    return text[: chance.randrange(len(text))] if chance.random() < 0.1 else text


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_are_refused_or_answered_and_never_a_fault(
    served: Served, client: TestClient, seed: int
) -> None:
    chance = random.Random(seed)
    version = served.version
    for _ in range(120):
        known = chance.random() < 0.5
        name = served.case if known else chance.choice(ID_LIKE)
        path = "/api" + chance.choice(PATHS).replace("ID", name)
        headers = {"content-type": chance.choice(["application/json", "text/plain", "a/b;c=\xff"])}
        if chance.random() < 0.5:
            headers["if-match"] = chance.choice(["x" * 9000, "*", 'W/"', "\xe9"])
        method = chance.choice(["POST", "POST", "POST", "PUT", "DELETE", "GET", "BREW"])
        if (method, known) == ("DELETE", True):
            continue
        wire = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = client.request(method, path, content=random_body(chance), headers=wire)
        assert answer.status_code < 500, (method, path, answer.text)
        if answer.status_code >= 400:
            refusal(answer)
    assert served.version == version


def test_a_disk_that_is_full_is_told_as_such(
    served: Served, client: TestClient, zipped: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = client.post("/api/uploads").json()["upload"]
    client.put(f"/api/uploads/{upload}/files/0", content=zipped)
    client.post(f"/api/uploads/{upload}/complete")
    opened = Ledger._connection

    def full(self: Ledger) -> sqlite3.Connection:
        base = opened(self)
        (pages,) = base.execute("PRAGMA page_count").fetchone()
        base.execute(f"PRAGMA max_page_count = {pages}")
        return base

    long = {"upload": upload, "series": "1", "name": "n" * 100}
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_connection", full)
        export = f"/api/cases/{served.case}/export"
        answers = [client.post("/api/cases", json=long)]
        answers += [client.post(export, json={"formats": ["stl"]}) for _ in range(60)]
    assert {refusal(one) for one in answers if one.status_code >= 400} == {(507, "DISK_FULL")}
    states = [one["state"] for one in client.get("/api/cases").json()]
    assert sorted(states) == ["done", "queued"]


def test_a_case_whose_pages_are_being_drawn_can_be_removed(
    served: Served, client: TestClient
) -> None:
    edit(client, served, served.version, kind="rename", pieces=[1], name="left femur")
    served.shop.workers[0].start()
    assert client.delete(f"/api/cases/{served.case}").status_code == 204
    assert served.shop.ledger.jobs(ANN) == []
    assert list(served.shop.home.user(ANN).cases.iterdir()) == []


def test_a_job_that_a_worker_takes_while_its_case_is_removed_is_stopped_first(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(client, served, served.version, kind="rename", pieces=[1], name="left femur")
    cancel = Ledger.cancel

    def taken_first(self: Ledger, job: str) -> State:
        monkeypatch.setattr(Ledger, "cancel", cancel)
        served.shop.workers[0].start()
        while self.job(job).state is State.QUEUED:
            time.sleep(0.01)
        return cancel(self, job)

    monkeypatch.setattr(Ledger, "cancel", taken_first)
    assert client.delete(f"/api/cases/{served.case}").status_code == 204
    assert served.shop.ledger.jobs(ANN) == []


def test_a_page_that_is_loaded_again_needs_no_token_in_its_address(served: Served) -> None:
    with served.client(cookies={f"afunet-{8765}": served.token}) as client:
        del client.headers["authorization"]
        assert client.get("/?case=1").status_code == 200


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("cannot write /srv/Jane Doe/cases/a/x.npy: No space", "cannot write x.npy: No space"),
        ("C:\\data\\a b\\x.npy is broken", "x.npy is broken"),
        ("use 3/4 of 2 files and/or 1 mm", "use 3/4 of 2 files and/or 1 mm"),
        ("two\nlines\x00", "two?lines?"),
        ("there is no '/srv/a/b.nii': send it", "there is no 'b.nii': send it"),
    ],
)
def test_a_message_is_a_line_without_folders(message: str, told: str) -> None:
    assert line_of(message) == told


def test_a_correction_on_a_full_disk_changes_nothing_and_names_no_folder(
    served: Served, client: TestClient
) -> None:
    """The largest file that its process may write is smaller than a report."""
    process = served.shop.pool._next()
    served.shop.pool._idle.put(process)
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    version, before = served.version, labels_of(client, served.case)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000, hard))
    wanted = {"kind": "erase", "pieces": [2]}
    path, headers = f"/api/cases/{served.case}", {"if-match": version}
    answer = client.post(f"{path}/edits", json=wanted, headers=headers)
    assert (answer.status_code, refusal(answer)[1]) == (422, "EFBIG")
    assert str(served.shop.home.path) not in answer.text
    assert (served.version, (labels_of(client, served.case) == before).all()) == (version, True)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert client.post(f"{path}/edits", json=wanted, headers=headers).status_code == 200
