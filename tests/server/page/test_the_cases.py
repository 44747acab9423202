"""The first page: sending a scan, waiting, cancelling, trying again, deleting, training data."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import ANN
from tests.server.page.conftest import Office
from tests.server.page.visit import Visit

TITLE = "two bones"


@pytest.fixture
def home(desk: Visit) -> Iterator[Visit]:
    """A visit of someone at the list of cases."""
    desk.problems.clear()
    desk.page.locator(".brand").click()
    desk.page.wait_for_selector("[data-part=drop]")
    yield desk
    assert desk.problems == []


@pytest.fixture
def folder(zipped: bytes, tmp_path: Path) -> Path:
    """A folder with a folder of DICOM files and a hidden file in it."""
    inner = tmp_path / "scan" / "series"
    inner.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        archive.extractall(inner)
    (inner / ".hidden").write_bytes(b"\0" * 100)
    return inner.parent


def test_a_folder_that_is_dropped_becomes_a_case_that_can_be_cancelled_retried_and_deleted(
    home: Visit, office: Office, folder: Path, work: Callable[[], None]
) -> None:
    page = home.page
    drop(page, folder)
    page.get_by_text("12 slices of 80 × 64").wait_for()
    assert page.locator("[data-part=series] input:checked").count() == 1
    page.fill("input[name=name]", TITLE)
    page.locator("input[name=fast]").check()
    home.button("Find the bones").click()
    page.locator("#waiting-title").wait_for()
    files = sorted((office.folder(home.case).input).iterdir())
    assert len(files) == 12
    assert all(path.stat().st_size > 100 for path in files)

    home.button("Cancel").click()
    page.locator("#waiting-title", has_text="Cancelled").wait_for()
    assert state(home) == "cancelled"
    work()

    for path in files:
        path.write_bytes(b"")
    home.button("Try again").click()
    page.locator("#waiting-title", has_text="This did not work").wait_for()
    with home.api as api:
        failure = api.get(f"/api/cases/{home.case}").json()["failure"]
    assert f"({failure['code']})" in page.inner_text("[data-part=words]")

    case = home.case
    page.get_by_role("link", name="Back to the cases").click()
    row = page.locator(f"[data-case='{case}']")
    assert row.locator(".state").inner_text() == "Failed"
    row.get_by_role("button", name=f"Delete {TITLE}").click()
    home.button("Keep").click()
    row.get_by_role("button", name=f"Delete {TITLE}").click()
    home.button("Delete").click()
    row.wait_for(state="detached")
    with home.api as api:
        assert api.get(f"/api/cases/{case}").status_code == 404
    assert case not in [one.name for one in office.home.user(ANN).cases.iterdir()]


def test_a_folder_is_chosen_and_discarded(home: Visit, office: Office, folder: Path) -> None:
    page = home.page
    uploads = office.home.user(ANN).uploads
    before = set(uploads.iterdir())
    page.set_input_files("[data-part=folder-input]", folder)
    page.get_by_text("12 slices of 80 × 64").wait_for()
    assert len(set(uploads.iterdir()) - before) == 1
    home.button("Discard").click()
    page.wait_for_selector("[data-part=drop]")
    assert set(uploads.iterdir()) == before


def test_files_that_are_no_scan_are_refused_with_a_notice(home: Visit, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    home.page.set_input_files("[data-part=file-input]", tmp_path / "letter.txt")
    said = home.page.locator(".notice.bad").inner_text()
    assert said.startswith("“letter.txt”")
    assert "/" not in said
    home.page.wait_for_selector("[data-part=drop]")
    home.page.get_by_role("button", name="Close").last.click()
    home.problems.clear()  # the browser itself reports that a request was refused


def test_an_upload_that_is_being_worked_at_is_waited_for(
    home: Visit, folder: Path, work: Callable[[], None]
) -> None:
    busy = json.dumps({"code": "UPLOAD_BUSY", "message": "wait"})
    for path in ("**/complete", "**/api/cases"):
        home.page.route(path, partial(refuse, said=busy), times=1)
    home.page.set_input_files("[data-part=folder-input]", folder)
    home.page.locator("[data-part=words]", has_text="already").wait_for()
    home.page.get_by_text("12 slices of 80 × 64").wait_for()
    home.button("Find the bones").click()
    home.notice("wait a moment")
    home.button("Find the bones").click()
    home.page.locator("#waiting-title").wait_for()
    home.button("Cancel").click()
    home.page.locator("#waiting-title", has_text="Cancelled").wait_for()
    work()
    home.problems.clear()  # the browser itself reports that a request was refused


def refuse(route: Any, said: str) -> None:
    route.fulfill(status=409, content_type="application/json", body=said)


def test_an_upload_is_stopped_with_its_button(home: Visit, office: Office, tmp_path: Path) -> None:
    uploads = office.home.user(ANN).uploads
    before = set(uploads.iterdir())
    (tmp_path / "large.bin").write_bytes(b"\1" * (8 << 20))
    network = home.page.context.new_cdp_session(home.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1e5}
    network.send("Network.emulateNetworkConditions", slow)
    home.page.set_input_files("[data-part=file-input]", tmp_path / "large.bin")
    home.page.locator("#uploading-title").wait_for()
    home.button("Cancel").click()
    home.page.wait_for_selector("[data-part=drop]")
    assert set(uploads.iterdir()) == before
    network.detach()
    home.problems.clear()


def test_corrected_cases_become_training_data(bench: Visit, office: Office) -> None:
    bench.choose(list(bench.pieces().values())[1])
    bench.saved(lambda: bench.press("Delete"))
    bench.page.locator(".brand").click()
    with bench.page.expect_response(re.compile("/api/training")) as coming:
        bench.button("Export corrected cases for training").click()
    told = coming.value.json()
    assert told["cases"] >= 1
    bench.notice(f"{told['cases']} corrected case")
    training = office.home.user(ANN).path / "training"
    assert any(path.is_file() for path in training.rglob("*"))


def state(visit: Visit) -> str:
    with visit.api as api:
        return str(api.get(f"/api/cases/{visit.case}").json()["state"])


def drop(page: Any, path: Path) -> None:
    """Drop a folder from outside the browser onto the page."""
    box = page.locator("[data-part=drop]").bounding_box()
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place})
    session.detach()
