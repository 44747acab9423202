"""Pixel sizes that the network was not trained on are brought to the nearest that it was."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from afunet.models.calibration import calibrated
from afunet.preprocessing.grid import WorkingGrid, working_grid

ALLOWED_MM = (0.35, 0.95)


@pytest.mark.parametrize("pixel_mm", [0.35, 0.6, 0.95, 0.96, 0.345])
def test_pixels_in_range_or_within_two_per_cent_of_it_are_left_alone(pixel_mm: float) -> None:
    grid = working_grid((512, 300), (pixel_mm, pixel_mm), ALLOWED_MM)
    assert grid.working == (512, 300)
    assert not grid.resamples


@pytest.mark.parametrize(
    ("spacing_mm", "working"),
    [
        ((3.0, 3.0), (316, 632)),  # 100 · 3 / 0.95 = 315.8 and 200 · 3 / 0.95 = 631.6
        ((0.175, 0.175), (50, 100)),  # half of the finest pixel allowed
        ((0.5, 1.0), (100, 400)),  # columns twice as wide as rows are high
        ((0.9, 0.6), (150, 200)),
    ],
)
def test_other_pixels_become_square_and_allowed(
    spacing_mm: tuple[float, float], working: tuple[int, int]
) -> None:
    grid = working_grid((100, 200), spacing_mm, ALLOWED_MM)
    assert grid.working == working
    row_mm = 100 * spacing_mm[0] / grid.working[0]
    column_mm = 200 * spacing_mm[1] / grid.working[1]
    assert row_mm == pytest.approx(column_mm, rel=0.01)
    assert 0.35 * 0.98 <= row_mm <= 0.95 * 1.02


def test_unknown_spacing_leaves_the_slice_alone() -> None:
    assert working_grid((100, 200), None, ALLOWED_MM) == WorkingGrid((100, 200), (100, 200))


def test_a_single_row_keeps_at_least_one_pixel() -> None:
    assert working_grid((1, 100), (0.01, 0.01), ALLOWED_MM).working == (1, 3)


def test_slices_that_need_no_change_are_handed_on_as_they_are() -> None:
    grid = WorkingGrid((6, 5), (6, 5))
    slices = np.ones((2, 6, 5), dtype=np.float32)
    assert grid.to_working(slices) is slices
    assert grid.to_native(slices) is slices


def test_certain_bone_stays_certain() -> None:
    """The weights of a pixel may sum to 1 + 2e-7, of which a logit is not a number."""
    found = WorkingGrid((320, 320), (401, 401)).to_native(np.ones((1, 401, 401), np.float32))
    assert found.max() == 1
    assert np.array_equal(np.rint(calibrated(found, (0.9, 0.1)) * 255), np.full(found.shape, 255))


def centre_px(slices: np.ndarray) -> tuple[float, float]:
    """Centre of mass in pixels from the slice's upper left edge."""
    mass = slices[0] / slices[0].sum()
    rows, columns = (np.arange(size) + 0.5 for size in mass.shape)
    return float((mass.sum(1) * rows).sum()), float((mass.sum(0) * columns).sum())


@pytest.mark.parametrize("working", [(126, 190), (20, 30), (40, 90), (39, 17)])
def test_a_square_keeps_its_place_and_its_area_there_and_back(working: tuple[int, int]) -> None:
    native = (40, 60)
    square = np.zeros((1, *native), dtype=np.float32)
    square[0, 10:20, 30:50] = 1  # its middle is row 15, column 40 of 40 × 60
    grid = WorkingGrid(native, working)
    there = grid.to_working(square)
    assert there.shape == (1, *working)
    row, column = centre_px(there)
    assert row / working[0] == pytest.approx(15 / 40, abs=0.002)
    assert column / working[1] == pytest.approx(40 / 60, abs=0.002)
    assert float(there.mean()) == pytest.approx(200 / 2400, rel=0.03)
    back = grid.to_native(there)
    assert back.shape == (1, *native)
    assert centre_px(back) == pytest.approx((15, 40), abs=0.1)
    assert float(back.min()) >= 0
    assert float(back.max()) <= 1 + 1e-6


def test_finer_and_back_gives_the_same_mask() -> None:
    square = np.zeros((1, 40, 60), dtype=np.float32)
    square[0, 10:20, 30:50] = 1
    grid = WorkingGrid((40, 60), (126, 190))
    assert np.array_equal(grid.to_native(grid.to_working(square)) >= 0.5, square >= 0.5)


@pytest.mark.parametrize(
    ("native", "working"),
    [((40, 60), (126, 190)), ((97, 60), (20, 31)), ((39, 17), (40, 9)), ((1, 100), (1, 3))],
)
def test_it_is_pytorch_s_antialiased_bilinear_interpolation(
    native: tuple[int, int], working: tuple[int, int]
) -> None:
    slices = np.random.default_rng(0).random((2, 3, *native), dtype=np.float32)
    expected = interpolate(torch.from_numpy(slices), working, mode="bilinear", antialias=True)
    found = WorkingGrid(native, working).to_working(slices)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=5e-7)
