"""The network that tells left legs from right ones, and the windows it sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from afunet.anatomy.side_module import LimbSiderModule
from afunet.anatomy.side_network import LIMB_SIDES, LimbSiderConfig, limb_windows

CONFIG = LimbSiderConfig(size=(8, 10, 12), step_mm=(5.0, 2.0, 2.0), channels=(4, 4, 4, 4))


def everywhere(mm: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.ones(mm.shape[:-1], bool)


def right_half(mm: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(mm[..., 0] < 100)


def block(low: tuple[float, float, float], high: tuple[float, float, float]) -> NDArray[np.float64]:
    """Points 1 mm apart that fill a box; each stands for 1 mm³."""
    axes = [np.arange(start, end) + 0.5 for start, end in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.fixture
def network() -> LimbSiderModule:
    torch.manual_seed(0)
    return LimbSiderModule(CONFIG).eval()


def test_a_window_and_its_mirror_image_are_of_opposite_sides(network: LimbSiderModule) -> None:
    windows = torch.rand(3, 2, *CONFIG.size)
    with torch.inference_mode():
        told = network(windows)
        assert told.shape == (3,)
        assert told.abs().min() > 0
        torch.testing.assert_close(network(windows.flip(-1)), -told)


def test_a_window_lies_about_the_middle_of_what_is_in_it() -> None:
    points = block((97, 46, 0), (103, 54, 40))
    windows = limb_windows(points, 1.0, everywhere, CONFIG)
    assert windows.shape == (1, 2, *CONFIG.size)
    full, seen = windows[0]
    assert (seen == 1).all()
    expected = np.zeros(CONFIG.size)
    expected[:, 3:7, 4:7] = 1  # 8 mm and 6 mm about the centre: 4 voxels, and 2 and 2 halves
    expected[:, 3:7, 4] = expected[:, 3:7, 7] = 0.5
    assert full.sum() * 20 == pytest.approx(len(points))
    np.testing.assert_allclose(full, expected)


def test_what_the_scan_shows_is_seen() -> None:
    seen = limb_windows(block((97, 46, 0), (103, 54, 40)), 1.0, right_half, CONFIG)[0, 1]
    assert (seen[..., :6] == 1).all()
    assert (seen[..., 6:] == 0).all()


@pytest.mark.parametrize(("tall", "count"), [(10, 1), (40, 1), (60, 2), (62, 3), (120, 5)])
def test_windows_overlap_by_half_and_more(tall: int, count: int) -> None:
    points = block((97, 46, 7), (103, 54, 7 + tall))
    windows = limb_windows(points, 1.0, everywhere, CONFIG)
    assert len(windows) == count
    assert (windows[:, 0].sum(axis=(1, 2, 3)) > 0).all()


def test_a_bent_limb_is_followed() -> None:
    low, high = block((97, 46, 0), (103, 54, 40)), block((197, 146, 80), (203, 154, 120))
    windows = limb_windows(np.concatenate([low, high]), 1.0, everywhere, CONFIG)
    np.testing.assert_allclose(windows[0], windows[-1], atol=1e-6)


def test_what_was_saved_is_loaded(tmp_path: Path, network: LimbSiderModule) -> None:
    LIMB_SIDES.save(tmp_path / "sides.safetensors", network, {"epochs": 2})
    loaded = LIMB_SIDES.load_module(tmp_path / "sides.safetensors", LimbSiderModule)
    assert loaded.config == CONFIG
    windows = torch.rand(2, 2, *CONFIG.size)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(windows), network(windows), atol=5e-3, rtol=5e-3)
