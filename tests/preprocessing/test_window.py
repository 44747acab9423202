import numpy as np
import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.preprocessing import BONE_WINDOW, Window


def test_the_bone_window_maps_its_ends_and_middle_to_zero_one_and_a_half() -> None:
    hu = np.array([-300, 500, 1300], dtype=np.int16)
    np.testing.assert_allclose(BONE_WINDOW.to_unit(hu), [0, 0.5, 1])


def test_air_and_metal_are_clipped() -> None:
    assert BONE_WINDOW.to_unit(np.array([-1024, 32767], dtype=np.int16)).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64, ">i2"])
def test_every_stored_type_gives_float32_and_is_left_as_it_was(dtype: str) -> None:
    hu = np.array([[100, -1000]], dtype=dtype)
    unit = BONE_WINDOW.to_unit(hu)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [[0.25, 0]])  # (100 + 300) / 1600
    assert hu.tolist() == [[100, -1000]]


def test_grey_is_rounded_to_the_nearest_of_256_levels() -> None:
    # Water: 300 / 1600 · 255 = 47.8, the grey of the shared knees' padding.
    assert BONE_WINDOW.to_grey(np.array([-300, 0, 1300])).tolist() == [0, 48, 255]


def test_every_grey_survives_the_way_to_hu_and_back() -> None:
    grey = np.arange(256, dtype=np.uint8)
    assert BONE_WINDOW.to_grey(BONE_WINDOW.from_grey(grey)).tolist() == grey.tolist()


def test_hu_survive_the_way_to_grey_and_back_to_half_a_level() -> None:
    hu = np.arange(-300, 1301, dtype=np.int16)
    back = BONE_WINDOW.from_grey(BONE_WINDOW.to_grey(hu))
    assert abs(back - hu).max() <= 1600 / 255 / 2 + 1e-3


@pytest.mark.parametrize("ends", [(100.0, 100.0), (1300.0, -300.0), (float("nan"), 0.0)])
def test_a_window_without_width_is_refused(ends: tuple[float, float]) -> None:
    with refused(ConfigError, "CONFIG_ERROR"):
        Window(*ends)
