import numpy as np
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.phantom import Scanner
from afunet.phantom.picture.scanner import scanned, streaks_hu

WATER = np.zeros((96, 96), dtype=np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_perfect_scanner_changes_nothing_but_rounds() -> None:
    perfect = Scanner(psf_mm=0, sharpness=0, noise_hu=0, shading_hu=0, streaks=0)
    hu = np.linspace(-900, 3000, WATER.size, dtype=np.float32).reshape(WATER.shape)
    assert np.array_equal(scanned(hu, 1.0, perfect, rng()), np.rint(hu))


def test_noise_is_as_strong_as_asked_within_a_half() -> None:
    noisy = scanned(WATER, 0.8, Scanner(noise_hu=20, shading_hu=0), rng())
    assert 10 < noisy.std() < 30


def test_values_are_clipped_to_twelve_bits() -> None:
    extreme = np.where(np.arange(96)[None] < 48, -5000.0, 9000.0) + WATER
    image = scanned(extreme.astype(np.float32), 1.0, Scanner(), rng())
    assert image.min() == -1024
    assert image.max() == 3071


def test_a_sharp_kernel_overshoots_at_an_edge() -> None:
    edge = np.where(np.arange(96)[None] < 48, 0.0, 1000.0) + WATER
    plain = {"psf_mm": 1.0, "noise_hu": 0.0, "shading_hu": 0.0}
    soft = scanned(edge.astype(np.float32), 0.5, Scanner(sharpness=0, **plain), rng())
    sharp = scanned(edge.astype(np.float32), 0.5, Scanner(sharpness=1, **plain), rng())
    assert soft.max() == 1000
    assert sharp.max() > 1030


def test_outside_a_round_field_there_is_the_lowest_value() -> None:
    image = scanned(WATER, 1.0, Scanner(round_field=True), rng())
    assert image[0, 0] == -1024
    assert image[48, 48] > -100


def test_two_metal_pins_darken_the_line_between_them() -> None:
    hu = WATER.copy()
    hu[44:52, 20:26] = 8000
    hu[44:52, 70:76] = 8000
    streaks = streaks_hu(hu, rng())
    assert streaks[46:50, 40:56].mean() < -10
    assert streaks[46:50, 40:56].mean() < streaks[10:20, 40:56].mean() - 10


def test_a_negative_noise_is_refused() -> None:
    with refused(ConfigError, "CONFIG_ERROR"):
        Scanner(noise_hu=-1)
