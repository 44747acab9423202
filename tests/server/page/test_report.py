"""What the report says: pages that are drawn after a correction, and fractures suspected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.server.page.conftest import Office
from tests.server.page.visit import Visit

from afunet.workflows.own_files import digest_of, read_own_files

SLICE, BOX = 6, (20, 30, 24, 40)
PAGES = ["Report", "Picture of the bones", "Slices with the mask"]


def test_pages_are_drawn_after_a_correction_and_then_shown(
    bench: Visit, work: Callable[[], None]
) -> None:
    assert shown(bench) == PAGES
    bench.choose(list(bench.pieces().values())[1])
    bench.saved(lambda: bench.press("Delete"))
    bench.page.locator("[data-part=pages] .hint", has_text="being drawn").wait_for()
    assert shown(bench) == []
    work()
    bench.page.get_by_role("link", name="Report").wait_for()
    assert shown(bench) == PAGES
    with bench.page.expect_popup() as coming:
        bench.page.get_by_role("link", name="Report").click()
    coming.value.wait_for_url("**/files/report.html")
    assert coming.value.locator("h1").count() == 1
    coming.value.close()


def test_a_link_to_a_page_that_another_window_made_old_says_that_it_is_drawn(
    bench: Visit, work: Callable[[], None]
) -> None:
    bench.of("() => { afunet.look = async () => { afunet.told = true; }; }")
    facts = bench.facts()
    with bench.api as api:
        asked = {"kind": "delete", "pieces": [facts["pieces"][1]["label"]]}
        head = {"if-match": facts["version"]}
        api.post(f"/api/cases/{bench.case}/edits", json=asked, headers=head).raise_for_status()
        assert api.get(f"/api/cases/{bench.case}/files/report.html").json()["code"] == "NOT_DONE"
    bench.page.wait_for_function("() => afunet.told")  # but this window does not look
    bench.of("() => { delete afunet.look; }")
    bench.page.get_by_role("link", name="Report").click()
    bench.notice("being drawn")
    bench.page.locator("[data-part=pages] .hint", has_text="being drawn").wait_for()
    assert shown(bench) == []
    work()
    bench.page.get_by_role("link", name="Report").wait_for()
    bench.problems.clear()  # the browser itself reports that a request was refused


def test_a_suspected_fracture_is_parted_at_its_place_or_called_whole(
    bench: Visit, office: Office
) -> None:
    label = next(iter(bench.pieces().values()))
    suspect(office.folder(bench.case).results, label)
    bench.of("() => afunet.look()")
    flag = bench.page.locator("[data-part=flags] li", has_text="it may be broken")
    flag.wait_for()
    bench.choose(list(bench.pieces().values())[1])
    flag.get_by_role("button", name="Part here…").click()
    bench.next_frame()
    assert bench.of("() => [afunet.state.tool, afunet.state.chosen]") == ["part", [label]]
    assert bench.at()[2] == SLICE
    (place,) = (one["centre_mm"] for one in bench.facts()["flags"] if one["piece"] == label)
    assert bench.of("() => afunet.slices.mm()") == pytest.approx(place, abs=1.1)
    others = bench.page.locator(".flag").count() - 1
    bench.saved(lambda: flag.get_by_role("button", name="Not broken").click())
    assert bench.page.locator(".flag").count() == others
    assert "FRACTURE_SUSPECTED" not in {one["code"] for one in bench.facts()["flags"]}
    bench.saved(lambda: bench.button("Undo").click())
    flag.wait_for()


def shown(bench: Visit) -> list[str]:
    """The pages that the page has links to."""
    found: list[str] = bench.page.locator("[data-part=pages] a").all_inner_texts()
    return found


def suspect(results: Path, label: int) -> None:
    """Put a suspected fracture into the report of a case."""
    report = json.loads((results / "report.json").read_bytes())
    place = [-14.0, 0.0, 100.0 + 2 * SLICE]
    cut = {"one": label, "other": label, "area_mm2": 30.0, "probability": 0.4, "centre_mm": place}
    flag = {
        "code": "FRACTURE_SUSPECTED",
        "severity": "warning",
        "message": "it may be broken",
        "slice": SLICE + 1,
        "piece": label,
        "box": BOX,
        "doubtful_mm3": 900.0,
        "centre_mm": place,
    }
    content: dict[str, Any] = {**report, "suspected": [cut], "flags": [*report["flags"], flag]}
    old = read_own_files(results).digest_of("report.json")
    (results / "report.json").write_text(json.dumps(content))
    listed = results / ".afunet.json"
    listed.write_text(listed.read_text().replace(str(old), str(digest_of(results / "report.json"))))
