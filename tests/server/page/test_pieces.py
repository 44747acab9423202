"""The list of bones: hiding, and corrections of whole pieces, each of which undo takes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.server.page.visit import Visit

FLESH, SLICE = (40, 50), 6
LATER = ("solid-later", "details")
DAB = 21
"""Voxels of 1 mm whose centres are within 2.5 mm of a voxel."""
MARGIN = 20
"""Pixels by which two drawings of the same slice may differ."""


def test_pieces_chosen_with_shift_are_joined(bench: Visit) -> None:
    (one, count), (other, more) = counts(bench)
    bench.choose(one)
    assert bench.button("Join").is_disabled()
    bench.choose(other, more=True)
    bench.saved(lambda: bench.button("Join").click())
    ((joined, sum_),) = counts(bench)
    assert (joined, sum_) == (one, count + more)
    assert bench.page.locator(".piece").count() == 1
    bench.saved(lambda: bench.button("Undo").click())
    assert counts(bench) == [(one, count), (other, more)]
    assert bench.page.locator(".piece").count() == 2


def test_an_old_surface_is_faint_until_the_new_one_is_there_and_its_measures_follow(
    bench: Visit, work: Callable[[], None]
) -> None:
    (one, _), (other, _) = counts(bench)
    bench.choose(one)
    bench.choose(other, more=True)
    held: list[Any] = []
    bench.page.route("**/meshes/*", lambda route: held.append(route))
    bench.saved(lambda: bench.button("Join").click())
    later, details = (bench.page.locator(f"[data-part={part}]") for part in LATER)
    later.wait_for(state="visible")
    opacity = "label => afunet.solid.shown.get(label).opacity"
    assert bench.of(opacity, one) < 0.5
    bench.choose(one)
    assert details.get_by_text("being measured").count() == 1
    (asked,) = held
    asked.continue_()
    bench.page.unroute("**/meshes/*")
    later.wait_for(state="hidden")
    assert bench.of(opacity, one) == 1
    assert bench.of("label => afunet.state.piece(label).area_mm2", one) is None
    work()
    details.get_by_text("cm²").wait_for()
    (row,) = bench.facts()["pieces"]
    assert bench.of("label => afunet.state.piece(label).area_mm2", one) == row["area_mm2"] > 0


def test_a_piece_is_renamed_from_a_list_of_bones(bench: Visit) -> None:
    before = bench.pieces()
    label = list(before.values())[1]
    bench.choose(label)
    bench.button("Rename…").click()
    bench.page.locator("dialog select").select_option("left patella")
    bench.saved(lambda: bench.page.locator("dialog button[value=ok]").click())
    assert bench.pieces()["left patella"] == label
    bench.page.locator(f"[data-label='{label}'] .name", has_text="left patella").wait_for()
    bench.saved(lambda: bench.button("Undo").click())
    assert bench.pieces() == before


def test_a_dialog_that_is_cancelled_changes_nothing(bench: Visit) -> None:
    version = bench.facts()["version"]
    bench.press("r")
    bench.page.locator("dialog select").select_option("right fibula")
    bench.press("Escape")
    bench.page.locator("dialog").wait_for(state="detached")
    assert bench.facts()["version"] == version


def test_a_piece_is_deleted_with_its_surface(bench: Visit) -> None:
    (one, count), (other, more) = counts(bench)
    bench.choose(other)
    colour = bench.of("label => afunet.state.piece(label).colour", other)
    shown = bench.settled("solid-canvas")
    bench.saved(lambda: bench.press("Delete"))
    assert counts(bench) == [(one, count)]
    gone = bench.settled("solid-canvas")
    assert of_colour(shown, colour) > 500
    assert of_colour(gone, colour) < MARGIN
    bench.saved(lambda: bench.press("Control+z"))
    assert counts(bench) == [(one, count), (other, more)]
    again = bench.settled("solid-canvas")
    assert np.count_nonzero(np.any(again != shown, axis=2)) < MARGIN


def test_hidden_pieces_are_in_neither_picture_and_solo_shows_one(bench: Visit) -> None:
    one, other = (label for label, _ in counts(bench))
    bench.move_to(middle(bench, other))
    both = drawn(bench)
    bench.hide(one)
    without_one = drawn(bench)
    bench.hide(one)
    assert differ(drawn(bench), both) == pytest.approx((0, 0), abs=MARGIN)
    bench.hide(other)
    without_other = drawn(bench)
    bench.hide(one)
    none = drawn(bench)
    parts = [differ(picture, none) for picture in (without_other, without_one)]
    assert np.min(parts) > 500
    assert np.sum(parts, axis=0) == pytest.approx(differ(both, none), rel=0.05)
    bench.button("Show all").click()
    bench.choose(one)
    bench.press("o")
    assert differ(drawn(bench), without_other) == pytest.approx((0, 0), abs=MARGIN)
    bench.press("o")
    assert differ(drawn(bench), both) == pytest.approx((0, 0), abs=MARGIN)


def test_the_crosshair_goes_to_the_chosen_piece_and_chooses_the_piece_under_it(
    bench: Visit,
) -> None:
    one, other = (label for label, _ in counts(bench))
    labels = bench.labels()
    bench.choose(other)
    bench.button("Go to").click()
    assert labels[*bench.at()] == other
    bench.choose(one)
    bench.press("g")
    assert bench.of("() => afunet.state.chosen") == [other]
    bench.press("y")
    assert bench.page.locator("[data-part=crosshair]").inner_text().count(name_of(bench, other))


def test_a_new_piece_is_painted(bench: Visit) -> None:
    before = counts(bench)
    begin(bench, "right fibula")
    bench.click((*FLESH, SLICE))
    assert bench.unsaved() == DAB
    bench.saved(lambda: bench.press("Control+s"))
    labels, pieces = bench.labels(), bench.pieces()
    assert np.count_nonzero(labels == pieces["right fibula"]) == DAB
    assert labels[*FLESH, SLICE] == pieces["right fibula"]
    assert bench.of("() => afunet.state.chosen") == [pieces["right fibula"]]
    bench.saved(lambda: bench.press("Control+z"))
    assert counts(bench) == before


def test_a_new_piece_that_nobody_painted_is_given_up(bench: Visit) -> None:
    version = bench.facts()["version"]
    begin(bench, "unknown")
    assert bench.page.locator(".piece").count() == 3
    bench.press("Control+z")
    assert bench.page.locator(".piece").count() == 2
    assert bench.facts()["version"] == version


def test_a_new_piece_outlives_a_conflict(bench: Visit) -> None:
    begin(bench, "left fibula")
    bench.click((*FLESH, SLICE))
    facts = bench.facts()
    with bench.api as api:
        asked = {"kind": "delete", "pieces": [facts["pieces"][1]["label"]]}
        head = {"if-match": facts["version"]}
        api.post(f"/api/cases/{bench.case}/edits", json=asked, headers=head).raise_for_status()
    bench.press("Control+s")
    bench.page.get_by_role("button", name="keep my painting").click()
    bench.page.wait_for_function("() => !afunet.busy && afunet.labels.changes")
    bench.saved(lambda: bench.press("Control+s"))
    pieces = bench.pieces()
    assert len(pieces) == 2
    assert bench.voxels(pieces["left fibula"]) == DAB
    bench.problems.clear()  # the browser itself reports that a request was refused


def of_colour(pixels: NDArray[np.int16], colour: str) -> int:
    """How many pixels have the colour "#rrggbb", lighter or darker."""
    wanted, seen = np.array(list(bytes.fromhex(colour[1:])), float), pixels.astype(float)
    size = np.linalg.norm(seen, axis=2)
    alike = (seen @ wanted) / np.maximum(size * np.linalg.norm(wanted), 1)
    return int(np.count_nonzero((alike > 0.97) & (size > 80)))


def begin(bench: Visit, bone: str) -> None:
    """Begin a new piece, and take a brush of 5 mm."""
    bench.move_to((*FLESH, SLICE))
    bench.press("m")
    bench.page.locator("dialog select").select_option(bone)
    bench.page.locator("dialog button[value=ok]").click()
    bench.page.wait_for_function("() => afunet.state.fresh && afunet.state.tool === 'brush'")
    bench.page.locator("[data-part=brush-size]").fill("5")


def counts(bench: Visit) -> list[tuple[int, int]]:
    """The labels of the pieces in the order of the list, and how many voxels each has."""
    labels = bench.labels()
    return [(one, int(np.count_nonzero(labels == one))) for one in bench.pieces().values()]


def name_of(bench: Visit, label: int) -> str:
    return next(name for name, one in bench.pieces().items() if one == label)


def middle(bench: Visit, label: int) -> tuple[float, float, float]:
    x, y, z = np.argwhere(bench.labels() == label).mean(axis=0).round().tolist()
    return x, y, z


def drawn(bench: Visit) -> list[NDArray[np.int16]]:
    """The pixels of the slices and of the 3D view, without the frame of what has the focus."""
    bench.of("() => document.activeElement.blur()")
    return [bench.settled(part) for part in ("slice-canvas", "solid-canvas")]


def differ(some: list[NDArray[np.int16]], others: list[NDArray[np.int16]]) -> tuple[int, ...]:
    """How many pixels of the slices and of the 3D view are different."""
    pairs = zip(some, others, strict=True)
    return tuple(int(np.count_nonzero(np.any(one != other, axis=2))) for one, other in pairs)


def test_points_in_two_pieces_part_neither_and_say_which(bench: Visit) -> None:
    labels = bench.labels()
    (one, _), (other, _) = counts(bench)
    bench.take("Part")
    for label in (one, other):
        x, y, z = np.argwhere(labels == label)[0]
        bench.of("at => afunet.points.add(at)", [int(x), int(y), int(z)])
    bench.button("Part here").click()
    names = [row["name"] for row in bench.facts()["pieces"]]
    for name in names:
        bench.notice(name)
    assert np.array_equal(bench.labels(), labels)


def test_a_second_correction_waits_for_the_first(bench: Visit) -> None:
    (one, count), _ = counts(bench)
    bench.of("() => { afunet.busy = true; }")
    bench.choose(one)
    bench.press("Delete")
    bench.notice("wait for it")
    bench.of("() => { afunet.busy = false; }")
    assert counts(bench)[0] == (one, count)
