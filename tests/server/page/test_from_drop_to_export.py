"""The page in a real browser: from a dropped zip to a corrected mask and its export."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from tests.server.conftest import zip_of
from tests.server.page.conftest import SCREEN, running, watched_visit
from tests.server.page.visit import PATIENCE_MS, Visit, coloured

from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Visit]:
    """A visit of a server without any case; the browser may reach this computer alone."""
    with running(tmp_path / "data") as office:
        context = browser.new_context(viewport=SCREEN)
        seen = watched_visit(context.new_page(), office.link)
        seen.page.route(
            lambda url: not url.startswith(seen.base + "/"), lambda route: route.abort()
        )
        yield seen
        context.close()


@pytest.fixture(scope="session")
def leg(write_dicom: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A simulated knee of 32 slices of 96 × 96 as a zip of DICOM files."""
    grid = axial_grid((32, 96, 96), 1.8, 3.0, (95, 8, 0))
    scan = simulate(LegConfig(grid=grid, anatomy=Anatomy(surface_step_mm=1.5))).volume
    folder = write_dicom(tmp_path_factory.mktemp("leg"), scan)
    return zip_of({path.name: path.read_bytes() for path in sorted(folder.iterdir())})


def drop(page: Any, content: bytes) -> None:
    """Drop a file onto the page as a user does."""
    transfer = page.evaluate_handle(
        """coded => {
            const bytes = Uint8Array.from(atob(coded), c => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "leg.zip"));
            return transfer;
        }""",
        base64.b64encode(content).decode(),
    )
    page.dispatch_event("[data-part=drop]", "drop", {"dataTransfer": transfer})


def watched(page: Any) -> list[str]:
    """What the page said of the progress until the case was shown."""
    said: list[str] = []
    for _ in range(PATIENCE_MS // 200):
        if page.locator(".bench[data-ready]").count():
            return said
        words = page.locator("[data-part=words]")
        if words.count() and (now := words.first.text_content()) not in said:
            said.append(now)
        page.wait_for_timeout(200)
    raise AssertionError(said)


def segmented(seg: Any) -> dict[str, int]:
    """How many voxels each segment of a binary DICOM SEG has, by its label."""
    labels = {one.SegmentNumber: one.SegmentLabel for one in seg.SegmentSequence}
    counts = dict.fromkeys(labels.values(), 0)
    for frame, pixels in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        counts[labels[number]] += int(np.count_nonzero(pixels))
    return counts


def counted_by_bone(visit: Visit, pieces: list[dict[str, Any]]) -> dict[str, int]:
    """How many voxels each bone has on the server: fragments are one segment of their bone."""
    counts: dict[str, int] = {}
    for one in pieces:
        bone = f"{one['side']} {one['bone']}"
        counts[bone] = counts.get(bone, 0) + visit.voxels(one["label"])
    return counts


def test_a_dropped_leg_is_found_corrected_parted_and_exported(
    visit: Visit, leg: bytes, tmp_path: Path
) -> None:
    page = visit.page
    page.goto(visit.link)
    page.wait_for_selector("[data-part=none]")
    assert "token" not in page.url
    drop(page, leg)
    page.fill("input[name=name]", "left knee")
    page.click("[data-part=start]")
    page.wait_for_selector("#waiting-title")
    progress = watched(page)
    assert any(re.search(r"\d+ %", words) for words in progress), progress
    assert "left knee" not in page.title()

    femur = next(one for one in visit.facts()["pieces"] if one["bone"] == "femur")
    label, name = femur["label"], femur["name"]
    middle = page.evaluate("() => afunet.slices.voxel()")

    page.mouse.move(*visit.place(middle, 2))
    page.mouse.wheel(0, -100)
    assert page.evaluate("() => afunet.slices.voxel()") == [*middle[:2], middle[2] + 1]
    page.keyboard.press("PageDown")
    assert page.evaluate("() => afunet.slices.voxel()") == middle

    page.keyboard.press("PageUp")
    shown = coloured(visit.settled("slice-canvas")), visit.settled("solid-canvas")
    page.get_by_role("button", name=f"Hide {name}").click()
    hidden = coloured(visit.settled("slice-canvas")), visit.settled("solid-canvas")
    assert hidden[0] < shown[0] - 1000
    assert np.count_nonzero(np.any(hidden[1] != shown[1], axis=2)) > 2000
    page.get_by_role("button", name=f"Hide {name}").click()
    assert abs(coloured(visit.settled("slice-canvas")) - shown[0]) < 20

    before = visit.voxels(label)
    page.locator(f"[data-label='{label}'] .name").click()
    page.get_by_role("button", name="Brush").click()
    flesh = [(12, row, middle[2] + 1) for row in (48, 45, 42, 38)]
    visit.drag(flesh)
    painted = visit.unsaved()
    assert painted > 20
    page.keyboard.press("Control+z")
    assert page.inner_text("[data-part=unsaved]") == ""
    assert visit.voxels(label) == before
    visit.drag(flesh)
    again = visit.unsaved()  # the browser may join moves of the mouse that follow closely
    assert abs(again - painted) <= 3
    visit.saved(lambda: page.get_by_role("button", name="Save").click())
    assert visit.voxels(label) == before + again
    visit.saved(lambda: page.keyboard.press("Control+z"))
    assert visit.voxels(label) == before

    count = len(visit.facts()["pieces"])
    x, y, z = page.evaluate(
        """label => {
            const { bytes, dims } = afunet.labels, index = afunet.labels.index(label);
            const sum = [0, 0, 0];
            let n = 0;
            bytes.forEach((one, at) => {
                if (one !== index) return;
                n += 1;
                sum[0] += at % dims[0];
                sum[1] += Math.floor(at / dims[0]) % dims[1];
                sum[2] += Math.floor(at / (dims[0] * dims[1]));
            });
            const middle = sum.map(one => Math.round(one / n));
            afunet.slices.moveTo(middle);
            return middle;
        }""",
        label,
    )
    page.get_by_role("button", name="Part", exact=True).click()
    visit.settled("slice-canvas")
    page.mouse.click(*visit.place((x - 14, y, z + 2), 1))
    page.mouse.click(*visit.place((x + 14, y, z + 2), 1))
    visit.saved(lambda: page.get_by_role("button", name="Part here", exact=True).click())
    pieces = visit.facts()["pieces"]
    assert len(pieces) == count + 1
    parts = [one for one in pieces if one["bone"] == "femur"]
    assert sum(visit.voxels(one["label"]) for one in parts) == before

    page.get_by_label("STL surfaces").uncheck()
    page.get_by_label("DICOM SEG").check()
    page.get_by_role("button", name="Export", exact=True).click()
    href = page.locator("[data-part=downloads] a", has_text=".dcm").first.get_attribute("href")
    with visit.api as api:
        (tmp_path / "seg.dcm").write_bytes(api.get(f"/{href}").raise_for_status().content)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert {one.SegmentAlgorithmType for one in seg.SegmentSequence} == {"SEMIAUTOMATIC"}
    assert segmented(seg) == counted_by_bone(visit, pieces)

    assert not visit.problems
    assert all(url.startswith("http://127.0.0.1:") for url in visit.asked)
