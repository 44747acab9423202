"""The page in which surfaces turn, as a browser shows it."""

import json
import re

import numpy as np
import pytest

from afunet.formats.glb import Part
from afunet.geometry import Mesh
from afunet.report.surfaces.turning import turning_page

BONE, BLUE = (236, 222, 192), (86, 180, 233)
SIZE = (900, 620)
CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float) - 0.5
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6]]
)
FACES = np.concatenate([FACES, [[0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]])


def block(size_mm, centre_mm, name="left femur", colour=BONE) -> Part:
    # Every face has corners of its own, so that each is lit as the plane that it is.
    points = (CORNERS * size_mm + centre_mm)[FACES].reshape(-1, 3)
    return Part(name, Mesh(points, np.arange(36).reshape(12, 3)), colour)


def share_lit(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    """The share of the picture in about this colour, at 70 % of its brightness or more."""
    brightness = picture.sum(axis=-1) / sum(colour)
    hue = picture / np.maximum(picture.sum(axis=-1, keepdims=True), 1)
    alike = np.abs(hue - np.asarray(colour) / sum(colour)).max(axis=-1) < 0.02
    return float((alike & (brightness > 0.7)).mean())


@pytest.mark.parametrize(
    ("size_mm", "centre_mm"),
    [
        ((90, 80, 120), (0, 0, 0)),
        ((90, 80, 120), (-120, -900, 400)),
        ((90, 80, 120), (300, 1500, -2000)),
        ((44, 20, 42), (80, -160, 1310)),
        ((110, 120, 900), (-120, 40, -850)),
        ((420, 100, 60), (0, 250, 900)),
    ],
    ids=["origin", "offset", "far behind", "patella", "whole leg", "broad"],
)
def test_bone_is_lit_wherever_the_patient_lies(browser, size_mm, centre_mm) -> None:
    picture = browser.picture(turning_page([block(size_mm, np.array(centre_mm))]), SIZE)
    width, _, height = size_mm
    # It is fitted with a quarter to spare into the height, or the width where that is tighter.
    pixel_mm = 1.26 * max(height / SIZE[1], width / SIZE[0])
    expected = width * height / pixel_mm**2 / (SIZE[0] * SIZE[1])
    assert share_lit(picture, BONE) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("side", ["left", "back", "right"])
def test_bone_is_lit_from_every_side(browser, side) -> None:
    page = turning_page([block((60, 60, 120), (-500, -900, 400))])
    picture = browser.picture(page, SIZE, f"document.querySelector('[data-from={side}]').click()")
    expected = (SIZE[1] / 1.26) ** 2 / 2 / (SIZE[0] * SIZE[1])
    assert share_lit(picture, BONE) == pytest.approx(expected, rel=0.05)


TWO = [
    block((60, 60, 60), (-200, -900, 400)),
    block((60, 60, 60), (-100, -900, 400), "left <tibia>", BLUE),
]


def test_a_piece_can_be_hidden_and_all_can_fade(browser) -> None:
    page = turning_page(TWO)
    both, one, faded = (
        browser.picture(page, SIZE, script)
        for script in (
            "",
            "document.querySelector('[data-part=\"left <tibia>\"]').click()",
            "opacity.value = 20; opacity.dispatchEvent(new Event('input'))",
        )
    )
    assert share_lit(both, BLUE) == pytest.approx(share_lit(both, BONE), rel=0.05)
    swatch = 0.001
    assert share_lit(one, BONE) == pytest.approx(share_lit(both, BONE), rel=0.01)
    assert share_lit(one, BLUE) < swatch < share_lit(both, BLUE)
    assert share_lit(faded, BLUE) < swatch


def test_the_patients_sides_turn_with_the_scene_and_reset_brings_the_front_back(browser) -> None:
    script = """
        const seen = {};
        const edges = () => ["west", "east", "north", "south"].map(
            (edge) => document.querySelector("." + edge).textContent).join(" ");
        for (const button of document.querySelectorAll("button")) {
            button.click();
            seen[button.dataset.from || button.id] = edges();
        }
        document.title = JSON.stringify(seen);
    """
    title = re.search("<title>(.*?)</title>", browser.dom(turning_page(TWO), script))[1]
    assert json.loads(title) == {
        "front": "R L S I",
        "left": "A P S I",
        "back": "L R S I",
        "right": "P A S I",
        "reset": "R L S I",
    }


def test_the_bar_is_as_long_as_it_says(browser) -> None:
    page = turning_page([block((60, 60, 300), (0, 0, 0))])
    dom = browser.dom(page, "document.title = stage.clientHeight")
    height = int(re.search("<title>(.*?)</title>", dom)[1])
    width, length = re.search(r'id="scale"[^>]*width: ([\d.]+)px;?"[^>]*>(\d+) cm<', dom).groups()
    assert 10 * float(length) / float(width) == pytest.approx(1.26 * 300 / height, rel=1e-3)


def test_what_is_not_known_is_not_shown(browser) -> None:
    dom = browser.dom(turning_page(TWO, spacing_known=False, sides_known=False))
    assert not re.search(r'id="scale"[^>]*>[^<]*\d', dom)
    assert "data-from" not in dom.split("<script")[0]
    assert 'class="side' not in dom


def note(dom: str) -> str:
    return re.search(r'id="note"[^>]*>(.*?)</span>', dom, re.DOTALL)[1]


def test_without_webgl_the_page_says_so(browser) -> None:
    shown, hidden = (
        browser.dom(turning_page(TWO), "", *how) for how in ((), ("--disable-3d-apis",))
    )
    assert note(shown) != note(hidden)


def test_the_page_holds_all_it_needs() -> None:
    page = turning_page(TWO)
    assert "THREE" in page
    assert 'src="' not in page
    assert "<link" not in page
    assert len(page) < 1_000_000
    assert page.count("data-part=") == len(TWO)
    assert 'data-part="left &lt;tibia&gt;"' in page


def test_no_part_at_all_gives_no_page() -> None:
    assert turning_page(()) == ""
