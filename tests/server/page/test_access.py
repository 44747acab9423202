"""The page for everybody: by keyboard, by touch, with names, in light and dark, readable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.server.page.conftest import Office
from tests.server.page.visit import Visit

CONTRAST = 4.5
SMALLEST_PX = 12
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"
FLESH, SLICE = (40, 50), 6
DAB = 21

TEXTS = """() => {
    const shades = colour => colour.match(/[\\d.]+/g).map(Number);
    const over = (top, below) => {
        const a = top[3] ?? 1;
        return [0, 1, 2].map(at => a * top[at] + (1 - a) * below[at]);
    };
    const back = one => {
        const layers = [];
        for (; one; one = one.parentElement) {
            layers.push(shades(getComputedStyle(one).backgroundColor));
            if ((layers.at(-1)[3] ?? 1) === 1) break;
        }
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
    };
    const faint = one => {
        let share = 1;
        for (; one; one = one.parentElement) share *= Number(getComputedStyle(one).opacity);
        return share;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node; (node = walker.nextNode());) {
        const one = node.parentElement, style = getComputedStyle(one);
        if (!node.data.trim() || !one.checkVisibility() || one.closest(":disabled, svg")) continue;
        const below = back(one), ink = shades(style.color);
        const colour = over([...ink.slice(0, 3), (ink[3] ?? 1) * faint(one)], below);
        found.push({ text: node.data.trim(), size: parseFloat(style.fontSize), colour, below });
    }
    return found;
}"""
UNNAMED = """controls => [...document.querySelectorAll(controls)]
    .filter(one => one.checkVisibility())
    .filter(one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length || one.title))
    .map(one => one.outerHTML)"""
REACHED = """controls => {
    const one = document.activeElement, style = getComputedStyle(one);
    return [[...document.querySelectorAll(controls)].indexOf(one),
        style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""
REACHABLE = """controls => [...document.querySelectorAll(controls)]
    .map((one, number) => [one, number])
    .filter(([one]) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
    .filter(([one]) => one.type !== "radio" || one.checked)
    .map(([one, number]) => [number, one.outerHTML.slice(0, 120)])"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_and_every_control_has_a_name(
    new_visit: Callable[..., Visit], office: Office, scheme: str
) -> None:
    seen = new_visit(color_scheme=scheme, viewport={"width": 1024, "height": 768})
    seen.page.goto(seen.link)
    seen.page.wait_for_selector(".case")
    poor = unreadable(seen, "home")
    seen.open(office.fresh.pop())
    for key in ("b", "p", "h", "r"):
        seen.press(key)
        poor += unreadable(seen, key)
    seen.press("Escape", "?")
    poor += unreadable(seen, "help")
    assert poor == []


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(bench: Visit) -> None:
    bench.take("Brush")
    wanted = dict(bench.of(REACHABLE, CONTROLS))
    assert len(wanted) > 40
    reached = set()
    for _ in range(len(wanted) + 10):
        bench.page.keyboard.press("Tab")
        number, visible = bench.of(REACHED, CONTROLS)
        if number >= 0:
            assert visible, wanted.get(number)
            reached.add(number)
    assert {wanted[number] for number in set(wanted) - reached} == set()


def test_a_mask_is_corrected_and_saved_with_the_keyboard_alone(bench: Visit) -> None:
    before = bench.labels()
    bench.press("k", "g", "b", "]", "PageUp")
    assert bench.page.inner_text("[data-part=brush-mm]") == "5 mm"
    for _ in range(20):
        bench.page.keyboard.press("ArrowUp")
    bench.press("Space")
    painted = bench.unsaved()
    assert 0 < painted <= DAB
    bench.press("t")
    assert bench.page.locator("[data-part=limited]").is_checked()
    bench.saved(lambda: bench.press("Control+s"))
    assert np.count_nonzero(bench.labels() != before) == painted
    bench.press("?")
    assert bench.page.locator("dialog.help dt").count() > 40
    bench.press("Escape")
    assert bench.page.locator("dialog").count() == 0


def test_a_finger_paints_and_scrolls(new_visit: Callable[..., Visit], office: Office) -> None:
    seen = new_visit(has_touch=True, viewport={"width": 1024, "height": 768})
    seen.page.goto(seen.link)
    seen.open(office.fresh.pop())
    seen.move_to((*FLESH, SLICE))
    seen.page.locator("[data-does=brush]").tap()
    seen.page.locator("[data-part=brush-size]").fill("5")
    seen.page.touchscreen.tap(*seen.place((*FLESH, SLICE)))
    assert seen.unsaved() == DAB
    seen.page.locator("[data-do=undo]").tap()
    assert seen.unsaved() == 0
    swiped(seen, [(FLESH[0] + x, FLESH[1], SLICE) for x in (0, 4, 8)])
    assert seen.unsaved() == DAB + 8 * 5
    strip = seen.page.locator("[data-part=strip]").bounding_box()
    seen.page.touchscreen.tap(strip["x"] + 10, strip["y"] + 2)
    assert seen.at()[2] == 11


def test_the_page_keeps_the_theme_that_was_chosen(new_visit: Callable[..., Visit]) -> None:
    seen = new_visit(color_scheme="dark", reduced_motion="reduce")
    seen.page.goto(seen.link)
    shade = "() => getComputedStyle(document.body).backgroundColor"
    dark = seen.of(shade)
    seen.page.get_by_role("button", name="Light or dark page").click()
    light = seen.of(shade)
    assert light != dark
    seen.page.reload()
    assert seen.of(shade) == light
    moving = """() => [...document.querySelectorAll("*")].filter(one => {
        const { animationName, transitionDuration } = getComputedStyle(one);
        return animationName !== "none" || transitionDuration !== "0s";
    }).length"""
    assert seen.of(moving) == 0


def unreadable(seen: Visit, where: str) -> list[tuple[Any, ...]]:
    """What can hardly be read: small text, poor contrast (WCAG 2.2, 1.4.3), controls unnamed."""
    found: list[tuple[Any, ...]] = [(where, one) for one in seen.of(UNNAMED, CONTROLS)]
    for one in seen.of(TEXTS):
        ratio = contrast(one["colour"], one["below"])
        if one["size"] < SMALLEST_PX or ratio < CONTRAST:
            found.append((where, one["text"], one["size"], round(ratio, 2)))
    return found


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast ratio of two sRGB colours (WCAG 2.2)."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def swiped(seen: Visit, voxels: list[tuple[int, int, int]]) -> None:
    """Draw with one finger from the first voxel to the last."""
    session = seen.page.context.new_cdp_session(seen.page)
    kinds = ["touchStart", *["touchMove"] * (len(voxels) - 1)]
    for kind, (x, y) in zip(kinds, map(seen.place, voxels), strict=True):
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        session.send("Input.dispatchTouchEvent", touch)
        seen.next_frame()
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()
