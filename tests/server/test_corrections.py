"""Corrections, files and exports of a case over HTTP."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from starlette.testclient import TestClient
from tests.server.conftest import Served, refusal
from tests.server.test_cases import nifti_of

from afunet.server.cases import adopt_orphans
from afunet.workflows.edit_list import read_edits


def labels_of(client: TestClient, case: str) -> np.ndarray:
    return nifti_of(client.get(f"/api/cases/{case}/labels.nii").content)[0]


def edit(client: TestClient, served: Served, version: str, **correction: Any) -> dict[str, Any]:
    answer = client.post(
        f"/api/cases/{served.case}/edits", json=correction, headers={"if-match": f'"{version}"'}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_correction_makes_a_version_that_undo_takes_back(
    served: Served, client: TestClient
) -> None:
    before, original = labels_of(client, served.case), served.version
    done = edit(client, served, served.version, kind="delete", pieces=[2])
    assert [piece["label"] for piece in done["pieces"]] == [1]
    places = np.argwhere(before == 2)
    assert done["changed_voxels"] == len(places)
    assert done["changed_box"] == {
        "first": places.min(axis=0).tolist(),
        "last": places.max(axis=0).tolist(),
    }
    after = labels_of(client, served.case)
    assert np.array_equal(after, np.where(before == 2, 0, before))
    shown = client.get(f"/api/cases/{served.case}").json()
    assert shown["version"] == done["version"] == served.version
    (listed,) = read_edits(served.folder.results).edits
    assert (listed.edit.kind, listed.edit.pieces) == ("erase", (2,))
    undone = client.post(
        f"/api/cases/{served.case}/undo", headers={"if-match": f'"{done["version"]}"'}
    ).json()
    assert undone["version"] not in (original, done["version"])
    assert undone["changed_voxels"] == len(places)
    assert np.array_equal(labels_of(client, served.case), before)


def test_a_piece_is_parted_by_two_clicks_and_renamed(served: Served, client: TestClient) -> None:
    row = client.get(f"/api/cases/{served.case}").json()["pieces"][0]
    x, y, z = row["centre_mm"]
    seeds = [[x, y, z - 8], [x, y, z + 8]]
    done = edit(client, served, served.version, kind="part", pieces=[1], seeds_mm=seeds)
    assert {piece["label"] for piece in done["pieces"]} == {1, 2, 3}
    renamed = edit(client, served, done["version"], kind="rename", pieces=[3], name="left tibia")
    names = {piece["label"]: (piece["bone"], piece["side"]) for piece in renamed["pieces"]}
    assert names[3] == ("tibia", "left")
    assert renamed["changed_box"] is None
    assert renamed["version"] != done["version"]
    joined = edit(client, served, renamed["version"], kind="join", pieces=[1, 3])
    assert {piece["label"] for piece in joined["pieces"]} == {1, 2}


def test_pictures_of_a_correction_are_drawn_in_the_background(
    served: Served, client: TestClient
) -> None:
    page = f"/api/cases/{served.case}/files/report.html"
    assert client.get(page).status_code == 200
    for name in ("left tibia", "left femur"):
        done = edit(client, served, served.version, kind="rename", pieces=[1], name=name)
    assert refusal(client.get(page)) == (409, "NOT_DONE")
    jobs = served.shop.ledger.jobs("ann", served.case)
    assert [job.kind for job in jobs] == ["segment", "finish"]
    for ask_again in (lambda: adopt_orphans(served.shop), lambda: client.get(page)):
        served.shop.ledger.cancel(served.shop.ledger.jobs("ann", served.case)[-1].id)
        ask_again()
        last = served.shop.ledger.jobs("ann", served.case)[-1]
        assert (last.kind, last.state) == ("finish", "queued")
    served.shop.workers[0].start()
    end = time.monotonic() + 300
    while client.get(page).status_code == 409:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert "left femur" in client.get(page).text
    assert served.version == done["version"]
    shown = client.get(f"/api/cases/{served.case}").json()
    assert (shown["state"], shown["report"]["not_written"]) == ("done", [])


def test_of_two_windows_the_later_is_told_that_the_pieces_changed(
    served: Served, client: TestClient
) -> None:
    version = served.version
    edit(client, served, version, kind="rename", pieces=[1], name="right femur")
    path = f"/api/cases/{served.case}"
    late = client.post(
        f"{path}/edits", json={"kind": "erase", "pieces": [2]}, headers={"if-match": version}
    )
    assert refusal(late) == (412, "STALE_VERSION")
    assert refusal(client.post(f"{path}/undo", headers={"if-match": version})) == (
        412,
        "STALE_VERSION",
    )
    assert refusal(client.post(f"{path}/undo")) == (428, "VERSION_NEEDED")
    assert len(read_edits(served.folder.results).edits) == 1


@pytest.mark.parametrize(
    ("correction", "code"),
    [
        ({"kind": "erase", "pieces": [9]}, "LABEL_UNKNOWN"),
        ({"kind": "join", "pieces": [1]}, "PIECES_MISCOUNTED"),
        ({"kind": "part", "pieces": [1], "seeds_mm": [[0, 0, 0], [1, 1, 1]]}, "SEED_OUTSIDE"),
        ({"kind": "rename", "pieces": [1], "name": "Jane Jabberwock"}, "UNKNOWN_NAME"),
    ],
)
def test_a_wrong_correction_is_refused_with_the_code_of_the_command(
    served: Served, client: TestClient, correction: dict[str, Any], code: str
) -> None:
    path, version = f"/api/cases/{served.case}", served.version
    answer = client.post(f"{path}/edits", json=correction, headers={"if-match": version})
    assert refusal(answer) == (422, code)
    assert client.get(path).json()["version"] == version


def test_there_is_nothing_to_undo_at_first(served: Served, client: TestClient) -> None:
    version = served.version
    answer = client.post(f"/api/cases/{served.case}/undo", headers={"if-match": version})
    assert refusal(answer) == (409, "NOTHING_TO_UNDO")


def test_files_are_sent_by_the_names_of_their_list(served: Served, client: TestClient) -> None:
    path = f"/api/cases/{served.case}/files"
    listed = {one["name"]: one["bytes"] for one in client.get(path).json()}
    assert {"report.json", "overlay.png", "mask.nii.gz", "report.html"} <= set(listed)
    for name in listed:
        content = client.get(f"{path}/{name}").content
        assert content == (served.folder.results / name).read_bytes()
        assert len(content) == listed[name]
    page = client.get(f"{path}/report.html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "attachment" in client.get(f"{path}/bone.stl").headers["content-disposition"]


def exported(served: Served, client: TestClient, *formats: str) -> list[str]:
    path = f"/api/cases/{served.case}/export"
    assert client.post(path, json={"formats": formats}).status_code == 202
    if not served.shop.workers[0].is_running:
        served.shop.workers[0].start()
    end = time.monotonic() + 300
    while (told := client.get(path).json())["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert (told["state"], told["failure"]) == ("done", None)
    files: list[str] = told["files"]
    return files


def test_an_export_is_of_the_present_pieces_and_says_that_they_were_corrected(
    served: Served, client: TestClient, tmp_path: Path
) -> None:
    assert refusal(client.get(f"/api/cases/{served.case}/export.zip")) == (409, "NOT_DONE")
    first = exported(served, client, "seg")
    assert first == ["segmentation.dcm"]
    automatic = segmentation(served, client)
    assert automatic.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    edit(client, served, served.version, kind="rename", pieces=[1], name="left femur")
    assert client.get(f"/api/cases/{served.case}/export").json()["files"] == []
    files = exported(served, client, "seg", "rtstruct", "ply")
    assert {"segmentation.dcm", "structures.dcm", "bone.ply"} <= set(files)
    corrected = segmentation(served, client)
    assert "femur" in str(corrected.SegmentSequence[0].SegmentLabel).lower()
    assert corrected.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
    packed = client.get(f"/api/cases/{served.case}/export.zip")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert set(archive.namelist()) == set(files)
    assert list(served.folder.view.glob(".passing-*")) == []


def segmentation(served: Served, client: TestClient) -> pydicom.Dataset:
    content = client.get(f"/api/cases/{served.case}/files/segmentation.dcm").content
    return pydicom.dcmread(io.BytesIO(content))


def test_an_unknown_format_is_refused_before_the_work(served: Served, client: TestClient) -> None:
    answer = client.post(f"/api/cases/{served.case}/export", json={"formats": ["exe"]})
    assert refusal(answer) == (422, "CONFIG_ERROR")
    assert json.loads(answer.text)["message"].count("exe") == 1


def paint(client: TestClient, served: Served, first: int, slab: np.ndarray, **named: str) -> Any:
    """Send (column, row, slice) labels that begin at a slice."""
    path = f"/api/cases/{served.case}/labels"
    span = {"first": first, "last": first + slab.shape[2] - 1, **named}
    headers = {"if-match": f'"{served.version}"'}
    return client.put(path, params=span, content=slab.tobytes("F"), headers=headers)


def test_painted_voxels_are_those_of_the_next_version(served: Served, client: TestClient) -> None:
    before = labels_of(client, served.case)
    slab = before[:, :, 4:7].copy()
    slab[10:14, 20:25, :2] = 1
    slab[30:33, 5:9, 2] = 7
    answer = paint(client, served, 4, slab).json()
    wanted = before.copy()
    wanted[:, :, 4:7] = slab
    after = labels_of(client, served.case)
    assert np.array_equal(after > 0, wanted > 0)
    assert np.array_equal(after == 1, wanted == 1)
    assert answer["changed_voxels"] == np.count_nonzero(wanted != before)
    assert answer["changed_box"] == {"first": [10, 5, 4], "last": [32, 24, 6]}
    assert answer["version"] == served.version
    assert len(answer["pieces"]) == 3
    (listed,) = read_edits(served.folder.results).edits
    assert (listed.edit.kind, listed.by) == ("paint", "ann")
    client.post(f"/api/cases/{served.case}/undo", headers={"if-match": served.version})
    assert np.array_equal(labels_of(client, served.case), before)
    assert list(served.folder.view.glob(".passing-*")) == []


def test_the_brush_begins_a_new_piece_that_undo_takes_away(
    served: Served, client: TestClient
) -> None:
    before = labels_of(client, served.case)
    slab = before[:, :, 4:6].copy()
    slab[30:34, 5:9] = 3
    told = paint(client, served, 4, slab, name="left patella").json()
    (new,) = [piece for piece in told["pieces"] if piece["label"] == 3]
    assert (new["name"], new["bone"], new["side"]) == ("left patella", "patella", "left")
    assert new["volume_mm3"] == 32 * 2.0
    assert client.get(f"/api/cases/{served.case}/meshes/3.mz3").status_code == 200
    slab[40:44, 5:9] = 23
    told = paint(client, served, 4, slab).json()
    (other,) = [piece for piece in told["pieces"] if piece["label"] == 23]
    assert (other["name"], other["bone"]) == ("piece 23", "unknown")
    for _ in range(2):
        client.post(f"/api/cases/{served.case}/undo", headers={"if-match": served.version})
    assert np.array_equal(labels_of(client, served.case), before)


def test_labels_and_names_that_cannot_be_are_not_painted(
    served: Served, client: TestClient
) -> None:
    before, version = labels_of(client, served.case), served.version
    slab = before[:, :, 4:6].astype("<u2")
    for label, named, code in (
        (23, {}, "LABEL_OUTSIDE"),
        (65535, {}, "LABEL_OUTSIDE"),
        (3, {"name": "Jane Jabberwock"}, "UNKNOWN_NAME"),
        (3, {"name": "x" * 100}, "BAD_REQUEST"),
    ):
        slab[30:34, 5:9] = label
        assert refusal(paint(client, served, 4, slab, **named)) == (422, code)
    assert served.version == version


def test_two_bytes_a_label_and_nothing_painted(served: Served, client: TestClient) -> None:
    before, version = labels_of(client, served.case), served.version
    same = paint(client, served, 0, before.astype("<u2"))
    assert (same.status_code, same.json()["changed_voxels"]) == (200, 0)
    assert served.version == version
    erased = paint(client, served, 11, np.zeros_like(before[:, :, 11:], "<u2")).json()
    assert erased["changed_voxels"] == np.count_nonzero(before[:, :, 11:])


def test_a_slab_of_another_grid_is_refused(served: Served, client: TestClient) -> None:
    for slab in (np.zeros((80, 63, 2), np.uint8), np.zeros((80, 64, 2), np.uint32)):
        answer = paint(client, served, 0, slab)
        assert refusal(answer) == (422, "OTHER_GRID")
    assert refusal(paint(client, served, 11, np.zeros((80, 64, 2), np.uint8))) == (
        422,
        "SLAB_OUTSIDE",
    )
    path = f"/api/cases/{served.case}/labels?first=0&last=0"
    stale = client.put(path, content=bytes(80 * 64), headers={"if-match": "older"})
    assert refusal(stale) == (412, "STALE_VERSION")
    assert list(served.folder.view.glob(".passing-*")) == []


def test_corrected_cases_become_a_training_store(served: Served, client: TestClient) -> None:
    assert refusal(client.post("/api/training")) == (422, "NOTHING_USABLE")
    edit(client, served, served.version, kind="rename", pieces=[1], name="left femur")
    assert client.post("/api/training").json() == {"cases": 1, "left_out": 0}
    folder = served.shop.home.user("ann").path / "training"
    assert len(list(folder.rglob("*.nii.gz"))) == 2


def test_the_workbench_answers_clients_of_monai_label(served: Served) -> None:
    program = served.client(served.token)
    del program.headers["x-afunet"]
    assert program.get("/info/").json()["name"]
    assert program.get("/auth/", headers={"authorization": ""}).json()["enabled"] is True
    asked = {"username": "ann", "password": served.token}
    given = program.post("/auth/token", data=asked, headers={"authorization": ""}).json()
    assert given["access_token"] == served.token
    wrong = {"username": "ann", "password": "x"}
    assert program.post("/auth/token", data=wrong).status_code == 401
    assert refusal(program.get("/info/", headers={"authorization": ""})) == (401, "TOKEN_UNKNOWN")
    scan = (served.folder.view / "scan.nii.gz").read_bytes()
    sent = program.put("/session/", files={"files": ("Jane.nii.gz", scan)})
    session = sent.json()["session_id"]
    found = program.post("/infer/afunet", params={"session_id": session, "output": "json"})
    assert found.status_code == 200, found.text
    assert set(found.json()["label_names"].values()) <= {1, 2, 3}
