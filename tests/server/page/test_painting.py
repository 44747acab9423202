"""Painting on the page, counted in voxels: the page's until it is saved, then the server's."""

from __future__ import annotations

import numpy as np
from tests.server.page.visit import Visit

from afunet.geometry import Volume

BIG, SMALL = (53, 33), (25, 27)
"""The middles of the two bones, of 9 and 6 mm, in the volumes of the page."""
FLESH = (40, 50)
BRUSH_MM = 5
DAB = 21
"""Voxels of 1 mm whose centres are within 2.5 mm of a voxel."""
SLICE = 6


def test_a_dab_of_the_brush_adds_a_disc_that_undo_takes_back_before_and_after_it_is_saved(
    bench: Visit,
) -> None:
    label = bench.labels()[*BIG, SLICE]
    before = bench.voxels(label)
    bench.move_to((*BIG, SLICE))
    bench.take("Brush", BRUSH_MM)
    bench.click((*FLESH, SLICE))
    bench.click((FLESH[0], FLESH[1] - 8, SLICE))
    assert bench.unsaved() == 2 * DAB
    bench.press("Control+z")
    assert bench.unsaved() == DAB
    bench.saved(lambda: bench.press("Control+s"))
    labels = bench.labels()
    assert np.count_nonzero(labels == label) == before + DAB
    assert labels[*FLESH, SLICE] == label
    assert labels[FLESH[0], FLESH[1] - 8, SLICE] == 0
    bench.saved(lambda: bench.press("Control+z"))
    assert bench.voxels(label) == before


def test_a_brush_in_the_coronal_slice_is_round_in_millimetres(bench: Visit) -> None:
    bench.move_to((*FLESH, SLICE))
    bench.take("Brush", 7)
    bench.click((*FLESH, SLICE), fixed=1)
    x, z = np.mgrid[-9:10, -9:10]
    assert bench.unsaved() == np.count_nonzero(x**2 + (2 * z) ** 2 <= 3.5**2)


def test_the_eraser_empties_and_a_brush_limited_by_hu_restores_bone_alone(
    bench: Visit, two_bones: Volume
) -> None:
    label = bench.labels()[*BIG, SLICE]
    bench.move_to((*BIG, SLICE))
    bench.take("Erase", BRUSH_MM)
    bench.click((*BIG, SLICE))
    bench.saved(lambda: bench.press("Control+s"))
    erased = bench.labels()[:, :, SLICE]
    assert erased[BIG] == 0
    bone = two_bones.voxels[SLICE, ::-1, ::-1].T > 500
    assert np.count_nonzero(bone & (erased == 0)) == DAB

    bench.take("Brush", 30)
    bench.page.get_by_label("only HU").check()
    bench.page.get_by_label("Lowest HU to paint").fill("500")
    bench.click((*BIG, SLICE))
    assert bench.unsaved() == DAB
    bench.saved(lambda: bench.press("Control+s"))
    around = np.hypot(*np.mgrid[-BIG[0] : 80 - BIG[0], -BIG[1] : 64 - BIG[1]]) <= 15
    assert np.array_equal(bench.labels()[:, :, SLICE][around] == label, bone[around])


def test_a_hidden_bone_is_locked(bench: Visit) -> None:
    labels = bench.labels()
    big, small = int(labels[*BIG, SLICE]), int(labels[*SMALL, SLICE])
    bench.move_to((*BIG, SLICE))
    bench.choose(big)
    bench.hide(small)
    bench.take("Brush", BRUSH_MM)
    bench.click((*SMALL, SLICE))
    assert bench.unsaved() == 0
    bench.button("Show all").click()
    bench.click((*SMALL, SLICE))
    assert bench.unsaved() == DAB
    bench.choose(small)
    bench.press("h")
    bench.click((*FLESH, SLICE))
    assert bench.unsaved() == DAB
    bench.notice("locked")


def test_an_outline_is_filled(bench: Visit) -> None:
    bench.move_to((*FLESH, SLICE))
    bench.take("Fill")
    left, front = 30.5, 44.5
    corners = [(0, 0), (10, 0), (10, 5), (0, 5)]
    bench.drag([(left + x, front + y, SLICE) for x, y in corners])
    assert bench.unsaved() == 50
    label = bench.of("() => afunet.state.chosen[0]")
    bench.saved(lambda: bench.press("Control+s"))
    assert np.all(bench.labels()[31:41, 45:50, SLICE] == label)


def test_slices_between_two_painted_ones_are_filled(bench: Visit) -> None:
    label = bench.of("() => afunet.state.chosen[0]")
    for slice_, mm in ((3, 5), (7, 9)):
        bench.move_to((*BIG, slice_))
        bench.take("Brush", mm)
        bench.click((*FLESH, slice_))
    ends = bench.unsaved()
    assert ends == DAB + np.count_nonzero(np.hypot(*np.mgrid[-9:10, -9:10]) <= 4.5)
    bench.button("Fill between").click()
    bench.notice("3 slices were filled")
    filled = bench.unsaved() - ends
    bench.press("Control+z")
    assert bench.unsaved() == ends
    bench.button("Fill between").click()
    bench.saved(lambda: bench.button("Save").click())
    near = bench.labels()[30:51, 42:59] == label
    counts = [int(np.count_nonzero(near[:, :, slice_])) for slice_ in range(3, 8)]
    assert sum(counts[1:4]) == filled
    assert counts == sorted(counts)
    assert counts[0] < counts[2] < counts[4]
    assert np.all(near[8:13, 8, 3:8])


def test_nothing_is_painted_while_a_correction_is_made(bench: Visit) -> None:
    bench.take("Brush", BRUSH_MM)
    bench.of("() => { afunet.busy = true; }")
    bench.click((*FLESH, SLICE))
    bench.notice("Wait a moment")
    bench.of("() => { afunet.busy = false; }")
    assert bench.unsaved() == 0
    bench.click((*FLESH, SLICE))
    assert bench.unsaved() == DAB
