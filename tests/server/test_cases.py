"""The contract of uploads, cases, volumes and surfaces."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import nibabel
import numpy as np
from starlette.testclient import TestClient
from tests.server.conftest import ANN, Served, refusal, zip_of

from afunet.formats.nifti import write_nifti
from afunet.geometry import Volume
from afunet.jobs.job import State


def uploaded(client: TestClient, *files: bytes) -> str:
    upload = client.post("/api/uploads").json()["upload"]
    for number, content in enumerate(files):
        sent = client.put(f"/api/uploads/{upload}/files/{number}", content=content)
        assert sent.json() == {"bytes": len(content)}
    return str(upload)


def nifti_of(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (x, y, z) and the affine in RAS."""
    image = nibabel.Nifti1Image.from_bytes(content)
    return np.asanyarray(image.dataobj), image.affine


def test_an_upload_becomes_a_case_that_a_worker_segments(
    served: Served, client: TestClient, zipped: bytes
) -> None:
    upload = uploaded(client, zipped)
    told = client.post(f"/api/uploads/{upload}/complete").json()
    assert told["upload"] == upload
    (series,) = told["series"]
    assert (series["series"], series["modality"], series["slices"]) == ("1", "CT", 12)
    assert (series["shape"], series["chosen"], series["refused"]) == ([80, 64, 12], True, None)
    made = client.post("/api/cases", json={"upload": upload, "series": "1", "name": "knee"})
    assert made.status_code == 201
    case = made.json()["case"]
    listed = client.get("/api/cases").json()
    assert [(one["case"], one["title"], one["state"]) for one in listed] == [
        (case, "knee", "queued"),
        (served.case, "Case 1", "done"),
    ]
    assert refusal(client.post(f"/api/uploads/{upload}/complete")) == (404, "NOT_FOUND")
    assert refusal(client.get(f"/api/cases/{case}/scan.nii")) == (409, "NOT_DONE")
    served.shop.workers[0].start()
    end = time.monotonic() + 300
    while not State(client.get(f"/api/cases/{case}").json()["state"]).is_final:
        assert time.monotonic() < end
        time.sleep(0.2)
    shown = client.get(f"/api/cases/{case}").json()
    assert (shown["state"], shown["failure"]) == ("done", None)
    assert shown["report"]["case"] == "knee"
    names = [event.state for event in served.shop.ledger.events(ANN) if event.subject == case]
    assert names == [State.QUEUED, State.RUNNING, State.DONE]


def test_files_of_one_series_and_a_volume_file_are_told_by_their_content(
    client: TestClient, two_bones: Volume, tmp_path: Path
) -> None:
    write_nifti(two_bones, tmp_path / "ct.nii.gz")
    upload = uploaded(client, (tmp_path / "ct.nii.gz").read_bytes())
    (series,) = client.post(f"/api/uploads/{upload}/complete").json()["series"]
    assert (series["slices"], series["shape"], series["refused"]) == (12, [80, 64, 12], None)
    made = client.post("/api/cases", json={"upload": upload, "series": "1", "name": ""})
    assert client.get(f"/api/cases/{made.json()['case']}").json()["title"] == "Case 2"


def test_a_finished_case_is_shown_with_all_that_the_page_needs(
    served: Served, client: TestClient
) -> None:
    shown = client.get(f"/api/cases/{served.case}").json()
    assert [piece["label"] for piece in shown["pieces"]] == [1, 2]
    for piece in shown["pieces"]:
        assert len(bytes.fromhex(piece["colour"].removeprefix("#"))) == 3
        assert piece["volume_mm3"] > 1000
    assert shown["grid"]["shape"] == [80, 64, 12]
    assert shown["grid"]["spacing_mm"] == [1.0, 1.0, 2.0]
    assert len(shown["confidence"]) == 12
    assert shown["version"] == served.version
    orders = [("error", "warning", "info").index(flag["severity"]) for flag in shown["flags"]]
    assert orders == sorted(orders)
    assert "Jabberwock" not in str(shown)


def test_the_scan_is_sent_in_ras_as_it_was(
    served: Served, client: TestClient, two_bones: Volume
) -> None:
    whole = client.get(
        f"/api/cases/{served.case}/scan.nii", headers={"accept-encoding": "identity"}
    )
    voxels, affine = nifti_of(whole.content)
    assert len(whole.content) == int(whole.headers["content-length"])
    assert nibabel.aff2axcodes(affine) == ("R", "A", "S")
    assert np.array_equal(voxels, two_bones.voxels[:, ::-1, ::-1].transpose(2, 1, 0))
    grid = client.get(f"/api/cases/{served.case}").json()["grid"]
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ affine, grid["affine"])
    bone = np.argwhere(voxels == 900).mean(axis=0)
    mean = np.argwhere(two_bones.voxels == 900).mean(axis=0)[::-1]
    assert np.allclose(
        nibabel.affines.apply_affine(affine, bone) * (-1, -1, 1), two_bones.to_mm(mean)
    )


def test_a_packed_volume_is_the_same_volume(served: Served, client: TestClient) -> None:
    for name in ("scan.nii", "labels.nii", "scan.nii?step=2"):
        path = f"/api/cases/{served.case}/{name}"
        plain = client.get(path, headers={"accept-encoding": "identity"})
        packed = client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content


def test_a_slab_and_an_overview_lie_where_the_whole_lies(
    served: Served, client: TestClient
) -> None:
    path = f"/api/cases/{served.case}/labels.nii"
    whole, affine = nifti_of(client.get(path).content)
    assert set(np.unique(whole)) == {0, 1, 2}
    slab, placed = nifti_of(client.get(path, params={"first": 3, "last": 6}).content)
    assert np.array_equal(slab, whole[:, :, 3:7])
    assert np.allclose(placed[:3, 3], nibabel.affines.apply_affine(affine, (0, 0, 3)))
    few, coarse = nifti_of(client.get(path, params={"step": 3}).content)
    assert np.array_equal(few, whole[::3, ::3, ::3])
    assert np.allclose(coarse @ (1, 2, 3, 1), affine @ (3, 6, 9, 1))


def test_ranges_of_a_volume_are_its_bytes(served: Served, client: TestClient) -> None:
    path = f"/api/cases/{served.case}/scan.nii"
    whole = client.get(path, headers={"accept-encoding": "identity"}).content
    for asked, start, stop in (
        ("bytes=0-99", 0, 100),
        ("bytes=300-20000", 300, 20001),
        ("bytes=-50", len(whole) - 50, len(whole)),
        (f"bytes={len(whole) - 7}-", len(whole) - 7, len(whole)),
    ):
        part = client.get(path, headers={"range": asked})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
        assert part.content == whole[start:stop]


def test_surfaces_are_sent_in_ras_and_lie_round_their_piece(
    served: Served, client: TestClient
) -> None:
    piece = client.get(f"/api/cases/{served.case}").json()["pieces"][0]
    content = client.get(f"/api/cases/{served.case}/meshes/1.mz3").content
    magic, attributes = np.frombuffer(content[:4], "<u2")
    faces, vertices, skip = np.frombuffer(content[4:16], "<u4")
    assert (magic, attributes, skip) == (0x5A4D, 3, 0)
    assert len(content) == 16 + 12 * (int(faces) + int(vertices))
    triangles = np.frombuffer(content[16 : 16 + 12 * faces], "<i4")
    assert triangles.max() == vertices - 1
    points = np.frombuffer(content[16 + 12 * faces :], "<f4").reshape(-1, 3)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2 * (-1, -1, 1)
    assert np.allclose(middle, piece["centre_mm"], atol=1.5)
    stl = client.get(f"/api/cases/{served.case}/meshes/1.stl").content
    assert b"SPACE=LPS" in stl[:80]
    for name in ("3.mz3", "1.obj", "one.mz3", "1"):
        missing = client.get(f"/api/cases/{served.case}/meshes/{name}")
        assert refusal(missing) == (404, "NOT_FOUND")


def test_a_waiting_case_is_cancelled_and_tried_again_and_removed(
    served: Served, client: TestClient, zipped: bytes
) -> None:
    upload = uploaded(client, zipped)
    client.post(f"/api/uploads/{upload}/complete")
    case = client.post("/api/cases", json={"upload": upload, "series": "1"}).json()["case"]
    assert refusal(client.post(f"/api/cases/{case}/retry")) == (409, "CASE_BUSY")
    assert client.post(f"/api/cases/{case}/cancel").json() == {"state": "cancelled"}
    assert client.post(f"/api/cases/{case}/retry").json() == {"state": "queued"}
    path = served.shop.home.user(ANN).case(case).path
    assert client.delete(f"/api/cases/{case}").status_code == 204
    assert not path.exists()
    assert refusal(client.get(f"/api/cases/{case}")) == (404, "NOT_FOUND")
    assert list(path.parent.iterdir()) == [served.folder.path]


def test_an_allowed_folder_is_uploaded_without_its_links(
    served: Served, client: TestClient, zipped: bytes, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    (scans / "knee").mkdir(parents=True)
    (scans / "knee" / "ct.zip").write_bytes(zipped)
    (scans / "knee" / "link").symlink_to("/etc/hostname")
    (scans / "away").symlink_to("/etc")
    served.shop.folders = (scans,)
    listed = client.get("/api/folders").json()
    assert [one["name"] for one in listed] == ["scans", "knee"]
    assert str(tmp_path) not in str(listed)
    made = client.post(f"/api/folders/{listed[1]['folder']}/upload").json()
    assert [one["slices"] for one in made["series"]] == [12]
    folder = served.shop.home.user(ANN).upload(made["upload"])
    assert len(list((folder / "input").iterdir())) == 1


def test_the_patient_is_not_named_in_what_the_server_writes_of_its_own(served: Served) -> None:
    for path in served.shop.home.path.rglob("*"):
        assert "Jabberwock" not in path.name
        if path.is_file() and "input" not in path.parts:
            content = path.read_bytes()
            assert b"Jabberwock" not in (
                gzip.decompress(content) if path.suffix == ".gz" else content
            )


def test_png_slices_and_text_are_refused_or_listed_by_the_reader(client: TestClient) -> None:
    upload = uploaded(client, zip_of({"notes.txt": b"nothing"}))
    assert refusal(client.post(f"/api/uploads/{upload}/complete"))[0] == 422
