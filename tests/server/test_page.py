"""The page in a real browser: from a dropped zip to a corrected mask and its export."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.server.conftest import ANN, ROOT, zip_of

from afunet.anatomy.bones import Bone
from afunet.phantom import Anatomy, LegConfig, axial_grid, simulate
from afunet.server.serve import ServeOptions, serving

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
SOFTWARE_GRAPHICS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
STATIC = ROOT / "src/afunet/server/static"
PATIENCE_MS = 120_000
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@dataclass(eq=False)
class Visit:
    """A page in a browser that may reach this computer alone, and what happened there."""

    page: Any
    link: str
    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def api(self) -> httpx2.Client:
        address, _, token = self.link.partition("/?token=")
        headers = {"x-afunet": "1", "authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=address, headers=headers, timeout=120)

    def settled(self, part: str) -> NDArray[np.int16]:
        """The pixels of a part of the page, once it is drawn, (H, W, 3)."""
        frames = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
        self.page.evaluate(frames)
        shot = self.page.locator(f"[data-part={part}]").screenshot(timeout=PATIENCE_MS)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.int16)

    def place(self, fixed: int, voxel: tuple[int, int, int]) -> tuple[float, float]:
        """Where a voxel is on the screen, in the slice across an axis."""
        x, y = self.page.evaluate(
            "([fixed, voxel]) => afunet.slices.tiles().find(t => t.fixed === fixed).place(voxel)",
            [fixed, voxel],
        )
        box = self.page.locator("[data-part=slice-canvas]").bounding_box()
        return box["x"] + x, box["y"] + y


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    with visiting(ServeOptions(tmp_path / "data")) as seen:
        yield seen


@pytest.fixture
def finished_visit(
    finished_home: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Visit]:
    """A visit of someone who has a case that is done, of 12 slices."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    shutil.copytree(finished_home[0], tmp_path / "data")
    with visiting(ServeOptions(tmp_path / "data", users=(ANN,))) as seen:
        yield seen


@contextmanager
def visiting(options: ServeOptions) -> Iterator[Visit]:
    with serving(options) as server, sync_api.sync_playwright() as play:
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GRAPHICS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        seen = Visit(page, server.addresses[0].link)
        page.route("**/*", lambda route: _local(route, seen))
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.on("console", lambda said: said.type == "error" and seen.problems.append(said.text))
        yield seen
        browser.close()
        server.stop()
        thread.join(30)


def _local(route: Any, seen: Visit) -> None:
    seen.asked.append(route.request.url)
    if route.request.url.startswith(seen.link.partition("/?")[0] + "/"):
        route.continue_()
    else:
        route.abort()


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


def case_of(visit: Visit) -> dict[str, Any]:
    case = visit.page.url.partition("case=")[2]
    with visit.api as api:
        found: dict[str, Any] = api.get(f"/api/cases/{case}").json()
    return found


def voxels(visit: Visit, label: int) -> int:
    """How many voxels of a label the server has."""
    case = visit.page.url.partition("case=")[2]
    with visit.api as api:
        sent = api.get(f"/api/cases/{case}/labels.nii").content
    labels = np.asanyarray(nibabel.Nifti1Image.from_bytes(sent).dataobj)
    return int(np.count_nonzero(labels == label))


def stroke(visit: Visit, start: tuple[float, float], length: int) -> int:
    """Paint downwards with the mouse; return how many voxels the page says are not saved."""
    mouse = visit.page.mouse
    mouse.move(*start)
    mouse.down()
    for step in range(1, 9):
        mouse.move(start[0], start[1] + step * length / 8)
    mouse.up()
    told = visit.page.inner_text("[data-part=unsaved]")
    return int(re.sub(r"\D", "", told) or 0)


def saved(visit: Visit, action: Callable[[], object]) -> None:
    """Do something that makes a new version, and wait until the page shows it."""
    before = visit.page.evaluate("() => afunet.state.version")
    action()
    for _ in range(PATIENCE_MS // 500):
        now, busy = visit.page.evaluate("() => [afunet.state.version, afunet.busy]")
        if now != before and not busy:
            break
        visit.page.wait_for_timeout(500)
    assert visit.page.evaluate("() => afunet.state.version") != before
    visit.page.wait_for_timeout(500)


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
        counts[bone] = counts.get(bone, 0) + voxels(visit, one["label"])
    return counts


def coloured(pixels: NDArray[np.int16]) -> int:
    """How many pixels are no grey: those of the mask."""
    return int(np.count_nonzero(np.ptp(pixels, axis=2) > 25))


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

    femur = next(one for one in case_of(visit)["pieces"] if one["bone"] == "femur")
    label, name = femur["label"], femur["name"]
    middle = page.evaluate("() => afunet.slices.voxel()")

    page.mouse.move(*visit.place(2, middle))
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

    before = voxels(visit, label)
    page.locator(f"[data-label='{label}'] .name").click()
    page.get_by_role("button", name="Brush").click()
    flesh = visit.place(2, (12, 48, middle[2] + 1))
    painted = stroke(visit, flesh, 40)
    assert painted > 20
    page.keyboard.press("Control+z")
    assert page.inner_text("[data-part=unsaved]") == ""
    assert voxels(visit, label) == before
    assert stroke(visit, flesh, 40) == painted
    saved(visit, lambda: page.get_by_role("button", name="Save").click())
    assert voxels(visit, label) == before + painted
    saved(visit, lambda: page.keyboard.press("Control+z"))
    assert voxels(visit, label) == before

    count = len(case_of(visit)["pieces"])
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
    page.mouse.click(*visit.place(1, (x - 14, y, z + 2)))
    page.mouse.click(*visit.place(1, (x + 14, y, z + 2)))
    saved(visit, lambda: page.get_by_role("button", name="Part here").click())
    pieces = case_of(visit)["pieces"]
    assert len(pieces) == count + 1
    parts = [one for one in pieces if one["bone"] == "femur"]
    assert sum(voxels(visit, one["label"]) for one in parts) == before

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


def test_a_large_scan_is_an_overview_with_slabs_and_a_second_window_is_a_conflict(
    finished_visit: Visit,
) -> None:
    visit, page = finished_visit, finished_visit.page
    page.goto(visit.link)
    page.evaluate(
        """async () => Object.assign(
            (await import("/static/case/loader.js")).LIMITS, { voxels: 2e4, slab: 4 })"""
    )
    page.click(".case a")
    page.wait_for_selector(".bench[data-ready]")
    assert page.evaluate("() => [afunet.scan.dims, afunet.state.grid.shape]") == [
        [40, 32, 6],
        [80, 64, 12],
    ]
    page.keyboard.press("b")
    page.mouse.click(*visit.place(2, (8, 16, 3)))
    assert page.inner_text("[data-part=unsaved]") == ""
    assert page.locator(".notice").count() == 1

    page.keyboard.press("Home")
    assert page.evaluate("() => afunet.slice()") == 10
    page.keyboard.press("z")
    page.get_by_text("slices 9 to 12").wait_for()
    assert page.evaluate("() => [afunet.scan.dims, afunet.slice()]") == [[80, 64, 4], 10]
    label = page.evaluate("() => afunet.state.chosen[0]")
    before = voxels(visit, label)
    visit.settled("slice-canvas")
    painted = stroke(visit, visit.place(2, (40, 50, 2)), 10)
    assert painted > 3

    case = case_of(visit)
    other = next(one["label"] for one in case["pieces"] if one["label"] != label)
    with visit.api as api:
        asked = {"kind": "rename", "pieces": [other], "name": "left femur"}
        head = {"if-match": case["version"]}
        api.post(f"/api/cases/{case['case']}/edits", json=asked, headers=head).raise_for_status()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="keep my painting").click()
    page.get_by_text("left femur").first.wait_for()
    assert voxels(visit, label) == before
    told = page.locator("[data-part=unsaved]", has_text=f"{painted} voxels")
    told.wait_for()
    saved(visit, lambda: page.keyboard.press("Control+s"))
    assert voxels(visit, label) == before + painted
    assert [problem for problem in visit.problems if "412" not in problem] == []


def test_the_page_suggests_every_name_that_a_piece_may_have() -> None:
    text = (STATIC / "case/bones.js").read_text()
    names = set(re.findall(r'"([a-z]+)"', text))
    assert names == {bone.value for bone in Bone}
    assert {bone.value for bone in Bone if bone.row.sided} == set(
        re.findall(r'"([a-z]+)"', text.partition("SIDED = [")[2].partition("]")[0])
    )


def test_nothing_of_the_page_makes_html_of_text_or_reaches_for_the_network() -> None:
    own = [path for path in STATIC.rglob("*.*") if "vendor" not in path.parts]
    assert len(own) > 20
    for path in own:
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
        addresses = set(re.findall(r"https?://[^\"' ]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name
    assert "Copyright (c) 2021, Niivue" in (STATIC / "vendor/LICENSES.txt").read_text()
