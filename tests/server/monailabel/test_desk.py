"""What a client leaves with a user: no name of its own on the disk, and nothing for ever."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from email.parser import BytesParser
from pathlib import Path

import numpy as np
import pytest
from tests.refusals import refused
from tests.workflows.test_result_files import scan_of

from afunet.errors import InputError
from afunet.formats.nifti import write_nifti
from afunet.formats.readers import read_scan
from afunet.server.monailabel.desk import EXPIRY_S, Desk, NotThere
from afunet.server.monailabel.kept_scan import Sent
from afunet.server.monailabel.multipart import form_data
from afunet.server.monailabel.router import label_names


def pretend(scan: Path, results: Path, fast: bool) -> None:
    """Find one femur in any scan."""
    volume = read_scan(scan).volume
    bone = volume.with_voxels((volume.voxels == 900).astype(np.uint8))
    write_nifti(bone, results / "instances.nii.gz")
    pieces = [{"name": "left femur", "label": 1}]
    (results / "report.json").write_text(json.dumps({"pieces": pieces}))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "ann", pretend)


@pytest.fixture
def ct(tmp_path: Path) -> bytes:
    write_nifti(scan_of(3), tmp_path / "ct.nii.gz")
    return (tmp_path / "ct.nii.gz").read_bytes()


def sent(content: bytes, name: str = "Doe John.nii.gz") -> Sent:
    return Sent(name, io.BytesIO(content))


def test_names_of_files_and_images_are_not_kept(desk: Desk, ct: bytes) -> None:
    session = desk.begin([sent(ct, "../../Doe John.NII.GZ")])
    desk.keep_image("Doe/../John", sent(ct))
    assert session.kept.scan.name == "ct.nii.gz"
    assert desk.image("Doe/../John").scan.read_bytes() == ct
    (key,) = desk.listed()["objects"]
    assert desk.image(key).folder == desk.image("Doe/../John").folder
    paths = [path.relative_to(desk.folder).as_posix() for path in desk.folder.rglob("*")]
    assert not [path for path in paths if "Doe" in path or "John" in path]
    assert sorted(path.name for path in desk.folder.iterdir()) == ["images", "sessions"]
    assert "Doe" not in json.dumps([session.to_json(), desk.listed()])


def test_a_new_image_replaces_the_old_one_with_all_that_follows_from_it(
    desk: Desk, ct: bytes
) -> None:
    desk.keep_image("ct", sent(ct))
    found = desk.found(image="ct", session="", fast=False)
    assert found.names == {"left femur": 1}
    desk.image("ct").save_label(sent(found.labels.read_bytes()), {1: "Femur_L"})
    assert desk.label("ct", "final").is_file()
    desk.keep_image("ct", sent(ct))
    assert [path.name for path in desk.image("ct").folder.iterdir()] == ["ct.nii.gz"]
    with refused(NotThere, "NOT_FOUND", "label"):
        desk.label("ct", "final")


def test_a_series_of_dicom_files_is_one_scan(
    desk: Desk, tmp_path: Path, write_dicom: Callable[..., Path]
) -> None:
    files = sorted(write_dicom(tmp_path / "dicom", scan_of(3)).iterdir())
    session = desk.begin([sent(path.read_bytes(), path.name) for path in files])
    assert read_scan(session.kept.scan).volume.same_grid(scan_of(3), 1e-3)
    assert desk.found(image="", session=session.id, fast=True).names == {"left femur": 1}


def test_sessions_end_after_a_day(desk: Desk, ct: bytes) -> None:
    old, new = desk.begin([sent(ct)]), desk.begin([sent(ct)])
    then = old.kept.folder.stat().st_mtime - EXPIRY_S - 60
    os.utime(old.kept.folder, (then, then))
    desk.begin([sent(ct)])
    with refused(NotThere, "NOT_FOUND", "session"):
        desk.session(old.id)
    assert desk.session(new.id) == new


@pytest.mark.parametrize("name", ["..", "", "a" * 32, "../sessions", "0" * 31 + "/"])
def test_other_names_are_no_session(desk: Desk, ct: bytes, name: str) -> None:
    desk.begin([sent(ct)])
    with refused(NotThere, "NOT_FOUND", "session"):
        desk.session(name)


@pytest.mark.parametrize("name", ["scan", "scan.exe", "scan.nii.gz.sh", ""])
def test_a_file_of_an_unknown_format_is_refused(desk: Desk, ct: bytes, name: str) -> None:
    with refused(InputError, "UNKNOWN_FORMAT"):
        desk.begin([sent(ct, name)])
    assert not list(desk.folder.rglob("ct*"))


def test_the_parts_of_an_answer_are_read_by_the_standard_library() -> None:
    made = form_data({"label_names": {"left femur": 1}}, "label.nii.gz", b"\x1f\x8b\r\n--\0")
    head = f"Content-Type: {made.content_type}\r\n\r\n".encode()
    told, file = BytesParser().parsebytes(head + made.body).get_payload()
    assert json.loads(told.get_payload()) == {"label_names": {"left femur": 1}}
    assert told.get_param("name", header="content-disposition") == "params"
    assert file.get_filename() == "label.nii.gz"
    assert b"\r\n\r\n\x1f\x8b\r\n--\0\r\n--" in made.body


def test_names_of_labels_are_read_or_refused() -> None:
    assert label_names('{"label_info": [{"name": "femur", "idx": 2}], "client_id": "x"}') == {
        2: "femur"
    }
    for empty in ("", "{}", "null", '{"label_info": null}'):
        assert label_names(empty) == {}
    for broken in ("{", "[1]", '{"label_info": [{"name": 1}]}', '{"label_info": 3}'):
        with refused(InputError, "BAD_DESCRIPTION"):
            label_names(broken)
