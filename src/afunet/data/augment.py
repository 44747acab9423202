"""Random changes to a training crop: drawn first, then applied deterministically."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from afunet.errors import ConfigError


@dataclass(frozen=True)
class AugmentConfig:
    """How widely to draw. Values are in units of the windowed image, [0, 1] = 1600 HU.

    `scale` is the range of zoom, drawn log-uniformly (2 shows bones twice as large); rotation is
    uniform within ±`rotation_deg`; `coarse` is the chance of a crop with a 1.5 to 4 times coarser
    grid underneath, as thick, low-resolution scans have; `noise` the largest standard deviation.
    """

    scale: tuple[float, float] = (0.5, 1.6)
    rotation_deg: float = 30.0
    flip: bool = True
    contrast: float = 0.15
    brightness: float = 0.04
    gamma: float = 0.2
    noise: float = 0.03
    coarse: float = 0.15
    blur: float = 0.2

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high:
            raise ConfigError(f"augment.scale must be 0 < low ≤ high, got {self.scale}")


@dataclass(frozen=True)
class Augmentation:
    """One draw: a zoom, a turn, a mirror, and a photometric distortion."""

    scale: float
    rotation_rad: float
    flipped: bool
    contrast: float
    brightness: float
    gamma: float
    noise: float
    coarseness: float
    blur_px: float
    noise_seed: int


def draw_augmentation(config: AugmentConfig, rng: np.random.Generator) -> Augmentation:
    """All random numbers of one crop."""
    low, high = config.scale

    def spread(width: float) -> float:
        return float(rng.uniform(-width, width))

    return Augmentation(
        scale=float(math.exp(rng.uniform(math.log(low), math.log(high)))),
        rotation_rad=math.radians(spread(config.rotation_deg)),
        flipped=bool(config.flip and rng.random() < 0.5),
        contrast=1 + spread(config.contrast),
        brightness=spread(config.brightness),
        gamma=math.exp(spread(config.gamma)),
        noise=float(rng.uniform(0, config.noise)) if rng.random() < 0.5 else 0.0,
        coarseness=float(rng.uniform(1.5, 4)) if rng.random() < config.coarse else 1.0,
        blur_px=float(rng.uniform(0.4, 1.2)) if rng.random() < config.blur else 0.0,
        noise_seed=int(rng.integers(2**31)),
    )


def sample_crop(
    image: Tensor, mask: Tensor, corner: tuple[int, int], size: int, out: int, draw: Augmentation
) -> tuple[Tensor, Tensor]:
    """Cut a turned, zoomed, mirrored crop: (C, H, W) and (H, W) → (C, out, out) and (out, out).

    The box of side `size` at `corner` fills the crop before the turn; outside the slice is air (0).
    """
    rows, columns = image.shape[-2:]
    centre_row, centre_column = corner[0] + size / 2, corner[1] + size / 2
    cos, sin = math.cos(draw.rotation_rad), math.sin(draw.rotation_rad)
    mirror = -1.0 if draw.flipped else 1.0
    # Output (x, y) in [-1, 1] → input (x, y) in [-1, 1], align_corners=False.
    theta = torch.tensor(
        [
            [mirror * cos * size / columns, -sin * size / columns, 2 * centre_column / columns - 1],
            [mirror * sin * size / rows, cos * size / rows, 2 * centre_row / rows - 1],
        ]
    )[None]
    grid = affine_grid(theta, [1, 1, out, out], align_corners=False)
    crop = grid_sample(image[None].float(), grid, mode="bilinear", align_corners=False)
    label = grid_sample(mask[None, None].float(), grid, mode="bilinear", align_corners=False)
    return crop[0], (label[0, 0] >= 0.5).float()


def distort(crop: Tensor, draw: Augmentation) -> Tensor:
    """Photometric distortion of (C, out, out) in [0, 1]: resolution, blur, contrast, noise."""
    size = crop.shape[-1]
    if draw.coarseness > 1:
        coarse = max(8, round(size / draw.coarseness))
        crop = interpolate(crop[None], size=coarse, mode="area")[0]
        crop = interpolate(crop[None], size=size, mode="bilinear", align_corners=False)[0]
    if draw.blur_px > 0:
        crop = _gaussian_blur(crop, draw.blur_px)
    air = crop <= 0
    crop = (crop * draw.contrast + draw.brightness).clamp(0, 1) ** draw.gamma
    crop = torch.where(air, torch.zeros_like(crop), crop)
    if draw.noise > 0:
        generator = torch.Generator().manual_seed(draw.noise_seed)
        crop = crop + draw.noise * torch.randn(crop.shape, generator=generator)
    return crop.clamp(0, 1)


def _gaussian_blur(crop: Tensor, sigma_px: float) -> Tensor:
    radius = 3
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * sigma_px**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    planes = crop[:, None]  # (C, 1, H, W): each plane on its own
    planes = torch.nn.functional.conv2d(planes, kernel, padding=(0, radius))
    planes = torch.nn.functional.conv2d(planes, kernel.transpose(2, 3), padding=(radius, 0))
    return planes[:, 0]
