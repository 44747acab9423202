"""Length and angle between points, against distances that are known."""

from __future__ import annotations

import pytest
from tests.server.page.visit import Visit

SLICE = 6
MIDDLE = (40, 32)
PIXEL_MM = 0.3
"""A pixel of the screen is about that wide."""


def told(bench: Visit) -> list[float]:
    """The numbers beside the points, and not their units."""
    words = bench.page.locator("[data-part=overlay] text").all_text_contents()
    return [float(one.removesuffix(" mm").removesuffix("°")) for one in words]


def test_a_length_across_the_leg_and_along_it(bench: Visit) -> None:
    bench.move_to((*MIDDLE, SLICE))
    bench.press("d")
    bench.click((20, 30, SLICE))
    bench.click((50, 30, SLICE))
    assert told(bench) == [pytest.approx(30, abs=PIXEL_MM)]
    bench.click((40, 32, 2), fixed=1)
    bench.click((40, 32, 9), fixed=1)
    assert pytest.approx(14, abs=2 * PIXEL_MM) in told(bench)
    bench.button("Clear points").click()
    assert told(bench) == []


def test_an_angle_is_the_one_at_the_second_point(bench: Visit) -> None:
    bench.move_to((*MIDDLE, SLICE))
    bench.press("w")
    for corner in ((20, 30), (40, 30), (40, 50)):
        bench.click((*corner, SLICE))
    assert told(bench) == [pytest.approx(90, abs=1)]
    bench.press("x")
    for corner in ((60, 30), (40, 30), (50, 47.32)):
        bench.click((*corner, SLICE))
    assert told(bench) == [pytest.approx(60, abs=1)]


def test_points_are_set_at_the_crosshair_with_the_keyboard(bench: Visit) -> None:
    bench.move_to((20, 30, SLICE))
    bench.press("d", "Space")
    bench.move_to((20, 42, SLICE))
    bench.press("Space")
    assert told(bench) == [12.0, 12.0]  # in the axial and in the sagittal slice
    assert bench.unsaved() == 0
