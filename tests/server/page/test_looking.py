"""What the slices show: windows, mask, directions, the strip of confidence, flags."""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.page.visit import Visit, coloured

BIG, FLESH = (53, 33), (40, 50)
SLICE = 6
FLESH_HU = 50
WINDOWS = {"Bone": (-300, 1300), "Soft": (-160, 240), "Metal": (-500, 3500)}
GREY = 4


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_maps_hu_to_grey(bench: Visit, name: str) -> None:
    low, high = WINDOWS[name]
    bench.move_to((10, 10, SLICE))
    bench.button(name).click()
    expected = 255 * (FLESH_HU - low) / (high - low)
    assert np.abs(bench.pixel((*FLESH, SLICE)) - expected).max() < GREY
    pressed = bench.page.locator("[data-does][aria-pressed=true]").all_inner_texts()
    assert set(pressed) == {"All", name, "Look"}


def test_the_mask_is_filled_with_an_opacity_or_an_outline(bench: Visit) -> None:
    bench.move_to((10, 10, SLICE))
    inside, slider = (*BIG, SLICE), bench.page.locator("[data-part=opacity]")
    hexed = bench.of("() => afunet.state.pieces[0].colour")
    colour = np.array(list(bytes.fromhex(hexed[1:])))
    slider.fill("100")
    assert np.abs(bench.pixel(inside) - colour).max() < GREY
    slider.fill("50")
    half = bench.pixel(inside)
    slider.fill("0")
    bare = bench.pixel(inside)
    assert np.ptp(bare) < GREY
    assert np.abs(half - (bare + colour) / 2).max() < 2 * GREY
    slider.fill("50")
    filled = coloured(bench.settled())
    bench.press("l")
    outlined = coloured(bench.settled())
    assert np.abs(bench.pixel(inside) - bare).max() < GREY
    assert 50 < outlined < 0.75 * filled


def test_the_patient_s_right_is_on_the_left_of_the_screen(bench: Visit) -> None:
    """The big bone lies to the right, as its column in the DICOM files says (LPS)."""
    bench.move_to((*BIG, SLICE))
    mm = bench.of("() => afunet.slices.mm()")
    assert mm == [-40 + 26, -30 + 30, 100 + 2 * SLICE]
    assert "R 14.0" in bench.page.inner_text("[data-part=crosshair]")
    right, left = bench.place((79, 32, SLICE)), bench.place((0, 32, SLICE))
    assert right[0] < left[0]
    front, back = bench.place((40, 63, SLICE)), bench.place((40, 0, SLICE))
    assert front[1] < back[1]
    above, below = (bench.place((40, 32, slice_), fixed=1) for slice_ in (11, 0))
    assert above[1] < below[1]


def test_keys_move_the_crosshair_and_choose_slices(bench: Visit) -> None:
    bench.move_to((40, 32, SLICE))
    bench.press("PageUp", "PageUp", "PageDown", "ArrowUp", "ArrowLeft")
    x, y, z = bench.at()
    assert (y, z) == (33, SLICE + 1)
    assert bench.place((x, y, z))[0] < bench.place((40, y, z))[0]
    bench.press("Home")
    assert bench.at()[2] == 11
    bench.press("End")
    assert bench.at()[2] == 0
    tiles = "() => afunet.slices.tiles().map(one => one.fixed)"
    for key, fixed in (("a", [2]), ("c", [1]), ("s", [0]), ("q", [2, 1, 0])):
        bench.press(key)
        assert bench.of(tiles) == fixed


def test_zooming_keeps_the_crosshair_or_the_place_under_the_mouse(bench: Visit) -> None:
    bench.move_to((*BIG, SLICE))
    before = bench.place((*BIG, SLICE)), bench.place((*FLESH, SLICE))
    bench.press("+", "+")
    assert bench.place((*BIG, SLICE)) == pytest.approx(before[0], abs=1)
    bench.press("0")
    assert bench.place((*FLESH, SLICE)) == pytest.approx(before[1], abs=1)
    bench.page.mouse.move(*before[1])
    bench.page.keyboard.down("Control")
    bench.page.mouse.wheel(0, -100)
    bench.page.keyboard.up("Control")
    bench.next_frame()
    assert bench.place((*FLESH, SLICE)) == pytest.approx(before[1], abs=1)
    assert abs(bench.place((*BIG, SLICE))[0] - before[0][0]) > 5


def test_the_strip_of_confidence_scrolls(bench: Visit) -> None:
    strip = bench.page.locator("[data-part=strip]")
    box = strip.bounding_box()
    middle = box["x"] + box["width"] / 2

    def height(slice_: int) -> float:
        return box["y"] + box["height"] * (1 - (slice_ + 0.5) / 12)

    bench.page.mouse.move(middle, height(10))
    bench.page.mouse.down()
    bench.next_frame()
    assert bench.at()[2] == 10
    bench.page.mouse.move(middle, height(3))
    bench.page.mouse.up()
    bench.next_frame()
    assert (bench.at()[2], strip.get_attribute("aria-valuenow")) == (3, "4")
    strip.focus()
    bench.press("ArrowUp")
    assert bench.at()[2] == 4
    bench.press("ArrowDown", "ArrowDown")
    assert bench.at()[2] == 2
    bench.page.mouse.wheel(0, -100)
    bench.next_frame()
    assert bench.at()[2] == 3


def test_a_flag_takes_the_crosshair_to_its_place(bench: Visit) -> None:
    flags = bench.facts()["flags"]
    placed = [number for number, flag in enumerate(flags) if flag["slice"] is not None]
    assert placed, flags
    for number in placed:
        bench.page.locator(".flag").nth(number).click()
        bench.next_frame()
        assert bench.at()[2] == flags[number]["slice"]
        if flags[number]["centre_mm"]:
            mm = bench.of("() => afunet.slices.mm()")
            assert mm == pytest.approx(flags[number]["centre_mm"], abs=1.1)
    bench.press("n")
    marked = bench.page.locator("[data-part=flags] [aria-pressed=true]")
    assert marked.count() == 1


def test_the_compass_says_where_the_bones_are_seen_from(bench: Visit) -> None:
    places = """() => Object.fromEntries([...document.querySelectorAll("[data-part=compass] text")]
        .map(one => [one.textContent, [one.x.baseVal[0].value, one.y.baseVal[0].value]]))"""
    for side, right, top in (
        ("front", "L", "S"),
        ("back", "R", "S"),
        ("left", "P", "S"),
        ("right", "A", "S"),
        ("below", "L", "A"),
    ):
        bench.page.get_by_role("button", name=f"Look from {side}").click()
        bench.next_frame()
        letters = bench.of(places)
        assert len(letters) == 4
        assert max(letters, key=lambda letter: letters[letter][0]) == right
        assert min(letters, key=lambda letter: letters[letter][1]) == top
