import sys
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.report import figure
from afunet.report.comparison.curves import Curve, draw_curves, smoothed
from afunet.report.comparison.panel import FALSE_NEGATIVE, FALSE_POSITIVE, PanelRow, draw_panel


def block(size: int = 40, at: int = 10, side: int = 12) -> NDArray[np.bool_]:
    mask = np.zeros((size, size), dtype=bool)
    mask[at : at + side, at : at + side] = True
    return mask


def row(*masks: NDArray[np.bool_], truth: NDArray[np.bool_] | None = None) -> PanelRow:
    truth = block() if truth is None else truth
    grey = np.full(truth.shape, 80, np.uint8)
    return PanelRow("knee01, level 3\nfaintest bone", grey, truth, masks, [0.9] * len(masks))


def close_to(png: bytes, colour: str) -> int:
    """How many pixels have nearly this colour."""
    with Image.open(BytesIO(png)) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=int)
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((abs(pixels - rgb).max(axis=-1) < 16).sum())


def test_errors_have_their_colours_and_a_perfect_network_none() -> None:
    perfect = draw_panel(["A"], [row(block())])
    too_much = draw_panel(["A"], [row(block(side=16))])
    too_little = draw_panel(["A"], [row(block(side=8))])
    assert close_to(too_much, FALSE_POSITIVE) > 2 * close_to(perfect, FALSE_POSITIVE)
    assert close_to(too_little, FALSE_NEGATIVE) > 2 * close_to(perfect, FALSE_NEGATIVE)


def test_every_slice_is_shown_at_one_scale() -> None:
    """The small bone beside a large one covers as many pixels as its share of the tile says."""
    nothing = np.zeros((60, 60), dtype=bool)
    small, large = block(60, 20, 8), block(60, 10, 40)
    alone = close_to(draw_panel(["A"], [row(nothing, truth=small)]), FALSE_NEGATIVE)
    both = close_to(
        draw_panel(["A"], [row(small, truth=small), row(nothing, truth=large)]), FALSE_NEGATIVE
    )
    with_small = close_to(
        draw_panel(["A"], [row(nothing, truth=small), row(nothing, truth=large)]), FALSE_NEGATIVE
    )
    shown = with_small - both  # the small bone at the scale of the large one
    assert alone / shown == pytest.approx(((40 + 28) / (8 + 28)) ** 2, rel=0.2)


def test_bone_at_the_edge_and_slices_without_bone_are_drawn() -> None:
    edge = np.zeros((40, 40), dtype=bool)
    edge[:5, :30] = True
    assert draw_panel(["A"], [row(edge, truth=edge)])
    assert draw_panel(["A"], [row(edge, truth=edge & False)])


def test_a_panel_needs_a_slice() -> None:
    with refused(ConfigError, "CONFIG_ERROR"):
        draw_panel(["A"], [])


def test_losses_are_averaged_over_the_last_twentieth_so_far() -> None:
    loss = np.arange(40, dtype=float)  # a window of 2
    assert smoothed(loss)[:4].tolist() == [0, 0.5, 1.5, 2.5]
    assert smoothed(np.array([3.0])).tolist() == [3.0]
    assert smoothed(np.empty(0)).tolist() == []


def test_curves_are_drawn_for_tables_with_runs() -> None:
    steps = np.arange(1.0, 21)
    curve = Curve("A", steps, 1 / steps, np.array([10.0, 20.0]), np.array([0.5, 0.7]))
    empty = Curve("B", *[np.empty(0)] * 4)
    one = draw_curves({"T": [curve, empty], "U": []})
    two = draw_curves({"T": [curve], "U": [curve]})
    assert int.from_bytes(two[20:24]) > int.from_bytes(one[20:24])
    assert draw_curves({}).startswith(b"\x89PNG")


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with refused(ConfigError, "PACKAGE_MISSING", "matplotlib", "pip install 'afunet[train]'"):
        figure.require_matplotlib()
