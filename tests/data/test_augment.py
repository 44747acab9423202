"""One draw does one thing to image and mask alike."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from tests.refusals import refused
from torch import Tensor

from afunet.data.augment import (
    Augmentation,
    AugmentConfig,
    distort,
    draw_augmentation,
    sample_points,
)
from afunet.data.bank import bank_of
from afunet.data.cases import SliceRecord
from afunet.data.slices import LabelledSlice
from afunet.errors import ConfigError

CPU = torch.device("cpu")


def one(value: float) -> Tensor:
    return torch.tensor([float(value)])


NOTHING = Augmentation(
    scale=one(1),
    rotation_rad=one(0),
    mirror=one(1),
    contrast=one(1),
    brightness=one(0),
    gamma=one(1),
    noise=one(0),
    grain_px=one(0),
    coarseness=one(1),
    blur_px=one(0),
    noise_seed=torch.tensor([0]),
)


def but(**values: float) -> Augmentation:
    """A draw that does nothing but what is named."""
    return replace(NOTHING, **{name: one(value) for name, value in values.items()})


def sample_crop(
    image: Tensor, mask: Tensor, corner: tuple[int, int], size: int, out: int, draw: Augmentation
) -> tuple[Tensor, Tensor]:
    """Crop (C, out, out) and mask (out, out) of one slice (C, H, W), through a bank of bytes."""
    grey = (image * 255).round().to(torch.uint8).numpy()
    record = SliceRecord.__new__(SliceRecord)  # who it is does not matter here
    bank = bank_of([LabelledSlice(grey, mask.numpy().astype(np.uint8), record)], CPU)
    points = sample_points(torch.tensor([corner]), torch.tensor([size]), out, draw)
    crop, label = bank.look_up(torch.tensor([0]), *points)
    return crop[0], (label[0, 0] >= 0.5).float()


def distorted(crop: Tensor, draw: Augmentation) -> Tensor:
    return distort(crop[None], draw)[0]


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


def values(draw: Augmentation) -> list[list[float]]:
    return [getattr(draw, field.name).tolist() for field in fields(draw)]


def test_the_same_generator_draws_the_same() -> None:
    first, same, other = (
        values(draw_augmentation(AugmentConfig(), 5, np.random.default_rng(seed)))
        for seed in (7, 7, 8)
    )
    assert first == same
    assert first != other


def test_draws_stay_within_the_configured_widths_and_reach_towards_them() -> None:
    draw = draw_augmentation(AugmentConfig(), 600, np.random.default_rng(0))
    assert 0.5 <= float(draw.scale.min()) < 0.55
    assert 1.5 < float(draw.scale.max()) <= 1.6
    turns = draw.rotation_rad.rad2deg()
    assert -30.001 <= float(turns.min()) < -27
    assert 27 < float(turns.max()) <= 30.001
    assert 0.4 < float((draw.mirror < 0).float().mean()) < 0.6
    assert 0.1 < float((draw.coarseness > 1).float().mean()) < 0.2
    assert 0.02 < float(draw.noise.max()) <= 0.03
    assert 0.6 < float(draw.grain_px.max()) <= 0.8


def test_a_configuration_of_nothing_draws_nothing() -> None:
    still = AugmentConfig((1, 1), 0, False, 0, 0, 0, 0, 0, 0, 0)
    draw = draw_augmentation(still, 1, np.random.default_rng(0))
    assert values(replace(draw, noise_seed=NOTHING.noise_seed)) == values(NOTHING)


def test_a_part_of_a_batch_gets_the_pixels_it_gets_in_the_whole() -> None:
    strong = AugmentConfig(noise=0.1, coarse=0.7, blur=0.7)
    draw = draw_augmentation(strong, 6, np.random.default_rng(3))
    crops = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    whole = distort(crops, draw)
    assert torch.equal(distort(crops, draw), whole)
    rows = slice(1, None, 2)
    torch.testing.assert_close(distort(crops[rows], draw.part(rows)), whole[rows])
    assert not torch.equal(whole, crops)


def test_no_change_gives_the_pixels_of_the_box() -> None:
    image = torch.rand(2, 37, 53, generator=torch.Generator().manual_seed(0))
    mask = (image[0] > 0.5).to(torch.uint8)
    crop, label = sample_crop(image, mask, (5, 20), 16, 16, NOTHING)
    torch.testing.assert_close(crop, image[:, 5:21, 20:36], atol=2.1e-3, rtol=0)
    assert torch.equal(label, mask[5:21, 20:36].float())
    assert torch.equal(distorted(crop, NOTHING), crop)


def test_outside_the_slice_there_is_air_and_no_bone() -> None:
    ones = torch.ones(1, 10, 12)
    crop, label = sample_crop(ones, ones[0], (-3, -2), 16, 16, NOTHING)
    expected = torch.zeros(16, 16)
    expected[3:13, 2:14] = 1
    torch.testing.assert_close(crop[0], expected, atol=2.1e-3, rtol=0)
    assert torch.equal(label, expected)


def test_a_flip_mirrors_left_and_right() -> None:
    letter = an_f()
    assert torch.equal(cut(letter, but(mirror=-1)), letter.flip(1))


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
    draw = but(rotation_rad=quarters * math.pi / 2)
    assert torch.equal(cut(letter, draw, corner), torch.rot90(an_f(), quarters))


def test_turn_and_flip_together_are_the_flip_of_the_turned() -> None:
    quarter = but(rotation_rad=math.pi / 2)
    turned = cut(an_f(), quarter)
    assert torch.equal(cut(an_f(), replace(quarter, mirror=one(-1))), turned.flip(1))


@pytest.mark.parametrize("degrees", [17, 30, 45])
@pytest.mark.parametrize(("rows", "columns"), [(60, 60), (60, 200), (300, 64)])
def test_a_turn_never_shears_or_stretches(degrees: float, rows: int, columns: int) -> None:
    """The second moments of a bar stay what they were; only its direction turns."""
    bar = torch.zeros(rows, columns)
    bar[26:34, 10:50] = 1  # 8 × 40 in the middle of the box at (0, 0)
    draw = but(rotation_rad=math.radians(degrees))
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
    draw = but(contrast=1.2, brightness=0.04, gamma=2.0)
    # (0.5 · 1.2 + 0.04)² = 0.64²; (0.2 · 1.2 + 0.04)² = 0.28²; 0.9 · 1.2 + 0.04 > 1.
    expected = torch.tensor([[[0.4096, 0.0784], [1.0, 0.0]]])
    torch.testing.assert_close(distorted(crop, draw), expected)


def test_air_stays_air_but_for_noise() -> None:
    air = torch.zeros(1, 16, 16)
    photometric = but(contrast=0.8, brightness=0.04, gamma=0.8, coarseness=3, blur_px=1)
    assert not distorted(air, photometric).any()
    noisy = distorted(air, replace(photometric, noise=one(0.03)))
    assert 0 < float(noisy.max()) < 0.2
    assert float(noisy.min()) == 0


def test_noise_has_the_drawn_deviation_and_values_stay_in_range() -> None:
    grey = torch.full((1, 64, 64), 0.5)
    noisy = distorted(grey, but(noise=0.05))
    assert float(noisy.std()) == pytest.approx(0.05, rel=0.05)
    loud = distorted(grey, but(noise=2.0))
    assert float(loud.min()) == 0
    assert float(loud.max()) == 1


@pytest.mark.parametrize("draw", [but(blur_px=1.2), but(coarseness=3)])
def test_blur_and_coarseness_spread_a_line_and_keep_its_mass(draw: Augmentation) -> None:
    line = torch.zeros(2, 24, 24)
    line[0, :, 12] = 1
    blurred = distorted(line, draw)
    assert float(blurred[0].max()) < 0.5
    assert float(blurred[0, 8:16].sum()) == pytest.approx(8, rel=0.02)
    assert not blurred[1].any()  # neighbouring slices are not mixed


@pytest.mark.parametrize("scale", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_an_impossible_range_of_zoom_is_refused(scale: tuple[float, float]) -> None:
    with refused(ConfigError, "CONFIG_ERROR", "augment.scale"):
        AugmentConfig(scale=scale)
