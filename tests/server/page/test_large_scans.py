"""Large scans: an overview, slabs in full detail, and what two windows do to each other."""

from __future__ import annotations

from collections.abc import Callable

from tests.server.page.conftest import Office
from tests.server.page.visit import Visit


def test_a_large_scan_is_an_overview_with_slabs_and_a_second_window_is_a_conflict(
    new_visit: Callable[..., Visit], office: Office
) -> None:
    visit = new_visit()
    page = visit.page
    page.goto(visit.link)
    page.evaluate(
        """async () => Object.assign(
            (await import("/static/case/loader.js")).LIMITS, { voxels: 2e4, slab: 4 })"""
    )
    visit.open(office.fresh.pop())
    assert page.evaluate("() => [afunet.scan.dims, afunet.state.grid.shape]") == [
        [40, 32, 6],
        [80, 64, 12],
    ]
    page.keyboard.press("b")
    page.mouse.click(*visit.place((8, 16, 3)))
    assert page.inner_text("[data-part=unsaved]") == ""
    assert page.locator(".notice").count() == 1

    page.keyboard.press("Home")
    assert page.evaluate("() => afunet.slice()") == 10
    page.keyboard.press("z")
    page.get_by_text("slices 9 to 12").wait_for()
    assert page.evaluate("() => [afunet.scan.dims, afunet.slice()]") == [[80, 64, 4], 10]
    label = page.evaluate("() => afunet.state.chosen[0]")
    before = visit.voxels(label)
    visit.settled("slice-canvas")
    visit.drag([(40, 50, 2), (40, 47, 2), (40, 44, 2)])
    painted = visit.unsaved()
    assert painted > 3

    case = visit.facts()
    other = next(one["label"] for one in case["pieces"] if one["label"] != label)
    with visit.api as api:
        asked = {"kind": "rename", "pieces": [other], "name": "left femur"}
        head = {"if-match": case["version"]}
        api.post(f"/api/cases/{case['case']}/edits", json=asked, headers=head).raise_for_status()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="keep my painting").click()
    page.get_by_text("left femur").first.wait_for()
    assert visit.voxels(label) == before
    told = page.locator("[data-part=unsaved]", has_text=f"{painted} voxels")
    told.wait_for()
    visit.saved(lambda: page.keyboard.press("Control+s"))
    assert visit.voxels(label) == before + painted
    assert [problem for problem in visit.problems if "412" not in problem] == []
    visit.problems.clear()
