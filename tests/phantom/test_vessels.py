import numpy as np
import pytest

from afunet.phantom.tissue.envelope import LimbFrame
from afunet.phantom.tissue.vessels import Tube, paint_vessels

STEP_MM = 0.25


def section(tube: Tube, height_mm: float = 50.0, reach: float = 1.0) -> np.ndarray:
    """HU of a tube in fat (-100) on a slice of 40 x 40 mm about the origin, rows to the back."""
    ticks = np.arange(-20, 20, STEP_MM, dtype=np.float32)
    across, behind = np.meshgrid(ticks, ticks)
    height = np.full(across.size, height_mm, dtype=np.float32)
    fat = np.full(across.size, -100, dtype=np.float32)
    frame = LimbFrame(across.ravel(), behind.ravel(), height, fat, fat, fat)
    painted = paint_vessels(fat, (tube,), frame, reach)
    return painted.reshape(across.shape)


def at(hu: np.ndarray, across_mm: float, behind_mm: float) -> float:
    return float(hu[int((behind_mm + 20) / STEP_MM), int((across_mm + 20) / STEP_MM)])


def straight(radius_mm: float = 3.0, **look: float) -> Tube:
    return Tube(np.array([[0, 5, -4, radius_mm], [100, 5, -4, radius_mm]]), hu=300.0, **look)


def test_an_upright_vessel_is_a_disc_of_its_radius_where_it_runs() -> None:
    hu = section(straight())
    assert at(hu, 5, -4) == 300
    assert at(hu, 9, -4) == at(hu, 5, 0) == -100
    assert (hu > 100).sum() * STEP_MM**2 == pytest.approx(np.pi * 9, rel=0.05)


def test_an_oval_vessel_is_as_much_longer_across_its_turn() -> None:
    hu = section(straight(oval=2.0, turn=np.pi / 2))
    assert at(hu, 5, 1) == 300
    assert at(hu, 10, -4) == -100


def test_a_vessel_that_leans_is_half_way_at_half_its_height() -> None:
    hu = section(Tube(np.array([[0, -10.0, 0, 3], [100, 10.0, 8.0, 3]]), hu=300.0))
    assert at(hu, 0, 4) == 300
    assert at(hu, 0, 0) == -100


def test_places_are_shares_of_the_reach() -> None:
    hu = section(Tube(np.array([[0, 0.5, 0, 3], [100, 0.5, 0, 3]]), hu=300.0), reach=20.0)
    assert at(hu, 10, 0) == 300
    assert at(hu, 0.5, 0) == -100


def test_beyond_its_ends_a_vessel_is_not_there() -> None:
    assert (section(straight(), 101.0) == -100).all()
    assert (section(straight(), -1.0) == -100).all()


def test_a_calcified_wall_is_a_ring_about_a_lumen_that_stays() -> None:
    hu = section(straight(plaque=1.2, plaque_hu=900.0))
    assert at(hu, 5, -4) == 300
    assert at(hu, 8, -4) == pytest.approx(900, abs=1)
    assert at(hu, 11, -4) == -100
    assert section(straight()).max() == 300
