import numpy as np
import pytest

from afunet.phantom.config import Clutter
from afunet.phantom.tissue.clutter import draw_clutter, paint_clutter
from afunet.phantom.tissue.envelope import LimbFrame


def round_limb(height_mm: float) -> LimbFrame:
    """A slice of a round limb: 50 mm to the fascia, 15 mm of fat, points 1 mm apart."""
    ticks = np.arange(-70, 71, 1.0, dtype=np.float32)
    across, behind = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    away = np.hypot(across, behind)
    height, radius = np.full_like(across, height_mm), np.full_like(across, 50)
    return LimbFrame(across, behind, height, radius, away - 50, away - 65)


def changed(clutter: Clutter, seed: int = 0) -> tuple[np.ndarray, LimbFrame]:
    """HU that clutter at height 0 makes of water, and the frame."""
    frame = round_limb(0.0)
    grains = draw_clutter(clutter, (0.0, 1e-6), np.random.default_rng(seed))
    return paint_clutter(np.zeros(frame.height_mm.size, dtype=np.float32), grains, frame), frame


def test_chalk_lies_deep_in_the_limb_and_is_as_small_as_vein_stones() -> None:
    hu, frame = changed(Clutter(chalk=8))
    dense = hu > 150
    assert 8 < dense.sum() < 8 * np.pi * 7.8**2
    assert frame.muscle_mm[dense].max() < 6


def test_granulomas_lie_in_the_fat_under_the_skin() -> None:
    hu, frame = changed(Clutter(granulomas=6))
    dense = hu > 100
    assert dense.any()
    assert frame.skin_mm[dense].max() < 7
    assert frame.skin_mm[dense].min() > -34


def test_clips_and_staples_are_metal_and_staples_lie_in_the_skin() -> None:
    assert changed(Clutter(clips=5))[0].max() > 1500
    hu, frame = changed(Clutter(staples=12))
    assert np.abs(frame.skin_mm[hu > 800]).max() < 3


def test_electrodes_lie_on_the_skin_not_in_it() -> None:
    hu, frame = changed(Clutter(electrodes=4))
    dense = hu > 100
    assert dense.any()
    assert frame.skin_mm[dense].min() > -1.5
    assert frame.skin_mm[dense].max() < 6


def test_a_tube_has_a_wall_and_a_lumen() -> None:
    hollow = 0
    for seed in range(6):
        hu, _ = changed(Clutter(tubes=1), seed)
        assert 40 < hu.max() <= 700
        hollow += int(hu.min() < -200)
    assert hollow


def test_nothing_shows_in_slices_far_above_or_below() -> None:
    frame = round_limb(200.0)
    everything = Clutter(9, 9, 9, 9, 9, 9)
    grains = draw_clutter(everything, (0.0, 10.0), np.random.default_rng(0))
    assert len(grains) == 54
    hu = paint_clutter(np.zeros(frame.height_mm.size, dtype=np.float32), grains, frame)
    assert (hu == 0).all()


def test_the_same_draw_gives_the_same_grains() -> None:
    draws = [draw_clutter(Clutter(chalk=3), (0, 9), np.random.default_rng(5)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert draws[0][0].height_mm == pytest.approx(4.5, abs=4.5)
