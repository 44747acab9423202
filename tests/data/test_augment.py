"""One draw does one thing to image and mask alike."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from afunet.data.augment import (
    Augmentation,
    AugmentConfig,
    distort,
    draw_augmentation,
    sample_crop,
)
from afunet.errors import ConfigError

NOTHING = Augmentation(
    scale=1,
    rotation_rad=0,
    flipped=False,
    contrast=1,
    brightness=0,
    gamma=1,
    noise=0,
    coarseness=1,
    blur_px=0,
    noise_seed=0,
)


def an_f(rows: int = 24, columns: int = 24, at: tuple[int, int] = (4, 8)) -> Tensor:
    """A letter F, 12 × 8 pixels, that no turn or mirror maps onto itself."""
    letter = torch.zeros(rows, columns)
    top, left = at
    letter[top : top + 12, left : left + 2] = 1
    letter[top : top + 2, left : left + 8] = 1
    letter[top + 5 : top + 7, left : left + 5] = 1
    return letter


def cut(
    letter: Tensor, draw: Augmentation, corner: tuple[int, int] = (0, 0), size: int = 24
) -> Tensor:
    """The crop's mask, after a check that the image shows the same."""
    image, mask = sample_crop(letter[None], letter.to(torch.uint8), corner, size, 24, draw)
    assert image.shape == (1, 24, 24)
    assert torch.equal((image[0] >= 0.5).float(), mask)
    return mask


def test_the_same_generator_draws_the_same() -> None:
    config = AugmentConfig()
    draws = [draw_augmentation(config, np.random.default_rng(7)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert draw_augmentation(config, np.random.default_rng(8)) != draws[0]


def test_draws_stay_within_the_configured_widths_and_reach_towards_them() -> None:
    rng = np.random.default_rng(0)
    draws = [draw_augmentation(AugmentConfig(), rng) for _ in range(600)]
    scales = [draw.scale for draw in draws]
    assert 0.5 <= min(scales) < 0.55
    assert 1.5 < max(scales) <= 1.6
    turns = [math.degrees(draw.rotation_rad) for draw in draws]
    assert -30 <= min(turns) < -27
    assert 27 < max(turns) <= 30
    assert 0.4 < np.mean([draw.flipped for draw in draws]) < 0.6
    assert {draw.coarseness == 1 for draw in draws} == {True, False}
    assert max(draw.noise for draw in draws) <= 0.03


def test_a_configuration_of_nothing_draws_nothing() -> None:
    still = AugmentConfig((1, 1), 0, False, 0, 0, 0, 0, 0, 0)
    draw = draw_augmentation(still, np.random.default_rng(0))
    assert replace(draw, noise_seed=0) == NOTHING


def test_the_same_draw_gives_the_same_pixels() -> None:
    draw = draw_augmentation(AugmentConfig(noise=0.03), np.random.default_rng(3))
    draw = replace(draw, noise=0.02, coarseness=2.5, blur_px=1.0)
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    first, second = (
        distort(sample_crop(image, image[0], (2, 3), 16, 16, draw)[0], draw) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(
        first, distort(sample_crop(image, image[0], (2, 3), 16, 16, draw)[0], NOTHING)
    )


def test_no_change_gives_the_pixels_of_the_box() -> None:
    image = torch.rand(2, 37, 53, generator=torch.Generator().manual_seed(0))
    mask = (image[0] > 0.5).to(torch.uint8)
    crop, label = sample_crop(image, mask, (5, 20), 16, 16, NOTHING)
    torch.testing.assert_close(crop, image[:, 5:21, 20:36], atol=1e-4, rtol=0)
    assert torch.equal(label, mask[5:21, 20:36].float())
    assert torch.equal(distort(crop, NOTHING), crop)


def test_outside_the_slice_there_is_air_and_no_bone() -> None:
    ones = torch.ones(1, 10, 12)
    crop, label = sample_crop(ones, ones[0], (-3, -2), 16, 16, NOTHING)
    expected = torch.zeros(16, 16)
    expected[3:13, 2:14] = 1
    torch.testing.assert_close(crop[0], expected, atol=1e-4, rtol=0)
    assert torch.equal(label, expected)


def test_a_flip_mirrors_left_and_right() -> None:
    letter = an_f()
    assert torch.equal(cut(letter, replace(NOTHING, flipped=True)), letter.flip(1))


def test_twice_the_zoom_shows_the_middle_twice_as_large() -> None:
    # Scale 2 makes the sampler cut a box of half the side.
    letter = an_f()
    doubled = letter[4:16, 8:20].repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert torch.equal(cut(letter, NOTHING, (4, 8), 12), doubled)


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (30, 70), (90, 26)])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_turn_image_and_mask_whatever_the_slices_shape(
    rows: int, columns: int, quarters: int
) -> None:
    corner = (rows - 24, columns - 24)
    letter = an_f(rows, columns, (corner[0] + 4, corner[1] + 8))
    draw = replace(NOTHING, rotation_rad=quarters * math.pi / 2)
    assert torch.equal(cut(letter, draw, corner), torch.rot90(an_f(), quarters))


def test_turn_and_flip_together_are_the_flip_of_the_turned() -> None:
    quarter = replace(NOTHING, rotation_rad=math.pi / 2)
    turned = cut(an_f(), quarter)
    assert torch.equal(cut(an_f(), replace(quarter, flipped=True)), turned.flip(1))


@pytest.mark.parametrize("degrees", [17, 30, 45])
@pytest.mark.parametrize(("rows", "columns"), [(60, 60), (60, 200), (300, 64)])
def test_a_turn_never_shears_or_stretches(degrees: float, rows: int, columns: int) -> None:
    """The second moments of a bar stay what they were; only its direction turns."""
    bar = torch.zeros(rows, columns)
    bar[26:34, 10:50] = 1  # 8 × 40 in the middle of the box at (0, 0)
    draw = replace(NOTHING, rotation_rad=math.radians(degrees))
    _, mask = sample_crop(bar[None], bar, (0, 0), 60, 60, draw)
    points = mask.nonzero().double()
    variances, axes = torch.linalg.eigh(torch.cov(points.T))
    assert variances[0] == pytest.approx(8**2 / 12, rel=0.06)
    assert variances[1] == pytest.approx(40**2 / 12, rel=0.03)
    down, right = axes[:, 1].tolist()
    assert math.degrees(math.atan2(abs(down), abs(right))) == pytest.approx(degrees, abs=1)
    assert len(points) == pytest.approx(320, rel=0.03)


def test_photometry_is_contrast_then_brightness_then_gamma() -> None:
    crop = torch.tensor([[[0.5, 0.2], [0.9, 0.0]]])
    draw = replace(NOTHING, contrast=1.2, brightness=0.04, gamma=2.0)
    # (0.5 · 1.2 + 0.04)² = 0.64²; (0.2 · 1.2 + 0.04)² = 0.28²; 0.9 · 1.2 + 0.04 > 1.
    expected = torch.tensor([[[0.4096, 0.0784], [1.0, 0.0]]])
    torch.testing.assert_close(distort(crop, draw), expected)


def test_air_stays_air_but_for_noise() -> None:
    air = torch.zeros(1, 16, 16)
    photometric = replace(
        NOTHING, contrast=0.8, brightness=0.04, gamma=0.8, coarseness=3, blur_px=1
    )
    assert not distort(air, photometric).any()
    noisy = distort(air, replace(photometric, noise=0.03))
    assert 0 < float(noisy.max()) < 0.2
    assert float(noisy.min()) == 0


def test_noise_has_the_drawn_deviation_and_values_stay_in_range() -> None:
    grey = torch.full((1, 64, 64), 0.5)
    noisy = distort(grey, replace(NOTHING, noise=0.05))
    assert float(noisy.std()) == pytest.approx(0.05, rel=0.05)
    loud = distort(grey, replace(NOTHING, noise=2.0))
    assert float(loud.min()) == 0
    assert float(loud.max()) == 1


@pytest.mark.parametrize("draw", [replace(NOTHING, blur_px=1.2), replace(NOTHING, coarseness=3)])
def test_blur_and_coarseness_spread_a_line_and_keep_its_mass(draw: Augmentation) -> None:
    line = torch.zeros(2, 24, 24)
    line[0, :, 12] = 1
    blurred = distort(line, draw)
    assert float(blurred[0].max()) < 0.5
    assert float(blurred[0, 8:16].sum()) == pytest.approx(8, rel=0.02)
    assert not blurred[1].any()  # neighbouring slices are not mixed


@pytest.mark.parametrize("scale", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_an_impossible_range_of_zoom_is_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="scale must be 0 < low ≤ high"):
        AugmentConfig(scale=scale)
