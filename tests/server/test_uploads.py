"""Uploads: which are removed, who may work with one at a time, and what replaces what."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from starlette.testclient import TestClient
from tests.server.conftest import ANN, LIMITS, Served, refusal, zip_of
from tests.server.test_cases import uploaded

from afunet.formats.nifti_placement import RAS_LPS
from afunet.formats.readers import read_scan
from afunet.geometry import Volume
from afunet.server import uploads
from afunet.server.abandoned import remove_abandoned
from afunet.server.home import INPUT, PASSING, Home
from afunet.server.uploaded_files import scan_files

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


def pair_of(volume: Volume, suffix: str, folder: Path) -> tuple[bytes, bytes]:
    """A volume as a header and a data file, whose name the header tells."""
    header = folder / f"Jane Jabberwock{suffix}"
    if suffix == ".hdr":
        voxels = volume.voxels.transpose(2, 1, 0)
        nibabel.Nifti1Pair(voxels, RAS_LPS @ volume.affine).to_filename(header)
    else:
        image = SimpleITK.GetImageFromArray(volume.voxels)
        image.SetSpacing(volume.spacing_mm.tolist())
        image.SetOrigin(volume.origin_mm.tolist())
        SimpleITK.WriteImage(image, str(header))
    (data,) = (path for path in folder.iterdir() if path != header)
    return header.read_bytes(), data.read_bytes()


@pytest.mark.parametrize("suffix", [".hdr", ".mhd", ".nhdr"])
@pytest.mark.parametrize("header_first", [True, False])
def test_a_header_is_read_with_its_data_file(
    served: Served,
    client: TestClient,
    two_bones: Volume,
    tmp_path: Path,
    suffix: str,
    header_first: bool,
) -> None:
    (tmp_path / "pair").mkdir()
    header, data = pair_of(two_bones, suffix, tmp_path / "pair")
    upload = uploaded(client, header)
    path, folder = f"/api/uploads/{upload}", served.shop.home.user(ANN).upload(upload) / INPUT
    assert refusal(client.post(f"{path}/complete")) == (422, "NO_PARTNER")
    for number, content in enumerate([header, data] if header_first else [data, header]):
        client.put(f"{path}/files/{number}", content=content)
    for _ in range(2):  # it may be asked for again
        (series,) = client.post(f"{path}/complete").json()["series"]
        assert (series["shape"], series["refused"]) == ([80, 64, 12], None)
    (read,) = scan_files(folder)
    scan = read_scan(read).volume
    assert np.array_equal(scan.voxels, two_bones.voxels)
    assert np.allclose(scan.affine, two_bones.affine)
    assert all(one.name[:6].isdecimal() for one in folder.iterdir())
    client.put(f"{path}/files/2", content=data)
    assert refusal(client.post(f"{path}/complete")) == (422, "NO_PARTNER")


def test_a_file_that_gets_its_name_while_another_one_comes_is_no_failure(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page sends four files at a time: one listed a moment ago may be there no more."""
    listed = uploads.plain_files
    monkeypatch.setattr(uploads, "plain_files", lambda folder: [*listed(folder), folder / "999"])
    uploaded(client, b"one", b"two")
