"""Random augmentation of training crops: drawn for a whole batch, then applied as tensor code."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from afunet.errors import ConfigError

BLUR_RADIUS = 3


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random draws. Grey values are those of the windowed image, [0, 1] = 1600 HU.

    `scale` is the range of the zoom, drawn log-uniformly (2 shows bones twice as large). The
    rotation is uniform within ±`rotation_deg`. `coarse` is the probability that a crop is resampled
    to a 1.5 to 4 times coarser grid, like a scan of low resolution. `noise` is the largest
    standard deviation of the noise and `grain` its largest correlation length (σ in px), which
    depends on the reconstruction kernel.
    """

    scale: tuple[float, float] = (0.5, 1.6)
    rotation_deg: float = 30.0
    flip: bool = True
    contrast: float = 0.15
    brightness: float = 0.04
    gamma: float = 0.2
    noise: float = 0.03
    grain: float = 0.8
    coarse: float = 0.15
    blur: float = 0.2

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high:
            raise ConfigError(f"augment.scale must have 0 < low ≤ high, got {self.scale}")


@dataclass(frozen=True, eq=False)
class Augmentation:
    """The draws of a batch, each (B,): zoom, rotation, mirror (±1), photometric distortion."""

    scale: Tensor
    rotation_rad: Tensor
    mirror: Tensor
    contrast: Tensor
    brightness: Tensor
    gamma: Tensor
    noise: Tensor
    grain_px: Tensor
    coarseness: Tensor
    blur_px: Tensor
    noise_seed: Tensor

    def part(self, rows: slice) -> Augmentation:
        """The draws of the crops in `rows`."""
        return Augmentation(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> Augmentation:
        """The same draws on a device; the seeds stay on the CPU, where generators are seeded."""
        moved = {field.name: getattr(self, field.name).to(device) for field in fields(self)}
        return Augmentation(**(moved | {"noise_seed": self.noise_seed}))


def draw_augmentation(config: AugmentConfig, count: int, rng: np.random.Generator) -> Augmentation:
    """Draw all random numbers of `count` crops."""

    def spread(width: float) -> Tensor:
        return torch.from_numpy(rng.uniform(-width, width, count)).float()

    def sometimes(chance: float, low: float, high: float, otherwise: float) -> Tensor:
        drawn, happens = rng.uniform(low, high, count), rng.random(count) < chance
        return torch.from_numpy(np.where(happens, drawn, otherwise)).float()

    low, high = (math.log(end) for end in config.scale)
    mirrored = rng.random(count) < (0.5 if config.flip else 0.0)
    return Augmentation(
        scale=torch.from_numpy(np.exp(rng.uniform(low, high, count))).float(),
        rotation_rad=spread(math.radians(config.rotation_deg)),
        mirror=torch.from_numpy(np.where(mirrored, -1.0, 1.0)).float(),
        contrast=1 + spread(config.contrast),
        brightness=spread(config.brightness),
        gamma=spread(config.gamma).exp(),
        noise=sometimes(0.5, 0.0, config.noise, 0.0),
        grain_px=sometimes(0.5, 0.0, config.grain, 0.0),
        coarseness=sometimes(config.coarse, 1.5, 4.0, 1.0),
        blur_px=sometimes(config.blur, 0.4, 1.2, 0.0),
        noise_seed=torch.from_numpy(rng.integers(2**31, size=count)),
    )


def sample_points(
    corners: Tensor, sides: Tensor, out: int, draw: Augmentation
) -> tuple[Tensor, Tensor]:
    """Rows and columns (B, out, out) in the slice for the pixels of rotated, mirrored crops.

    Before the rotation, each crop covers the box at `corners` (B, 2) of `sides` (B,) pixels.
    """
    device = corners.device
    step = (torch.arange(out, device=device) + 0.5) / out - 0.5
    v, u = (axis[None] for axis in torch.meshgrid(step, step, indexing="ij"))  # (1, out, out)
    side = sides[:, None, None].float()
    cos, sin = draw.rotation_rad.cos()[:, None, None], draw.rotation_rad.sin()[:, None, None]
    u = u * draw.mirror[:, None, None]
    centre = corners + (sides[:, None] - 1) / 2
    columns = centre[:, 1, None, None] + side * (cos * u - sin * v)
    rows = centre[:, 0, None, None] + side * (sin * u + cos * v)
    return rows, columns


def distort(crops: Tensor, draw: Augmentation) -> Tensor:
    """Photometric distortion of (B, C, h, w) in [0, 1]: resolution, blur, contrast, noise."""
    for index in _some(draw.coarseness > 1):
        crops = crops.index_copy(0, index, _coarsened(crops[index], draw.coarseness[index]))
    for index in _some(draw.blur_px > 0):
        crops = crops.index_copy(0, index, _blurred(crops[index], draw.blur_px[index]))
    contrast, brightness, gamma = (
        values[:, None, None, None] for values in (draw.contrast, draw.brightness, draw.gamma)
    )
    changed = (crops * contrast + brightness).clamp(0, 1) ** gamma
    crops = torch.where(crops <= 0, 0.0, changed)  # air stays air
    for index in _some(draw.noise > 0):
        noise = _noise(crops[index], draw.noise_seed[index.cpu()], draw.grain_px[index])
        strength = draw.noise[index, None, None, None]
        crops = crops.index_copy(0, index, crops[index] + strength * noise)
    return crops.clamp(0, 1)


def _some(which: Tensor) -> list[Tensor]:
    """A list with the indices where `which` is true; an empty list if there are none."""
    index = which.nonzero().flatten()
    return [index] if len(index) else []


def _coarsened(crops: Tensor, factor: Tensor) -> Tensor:
    """Average over cells of `factor` (B,) px and interpolate linearly back to the fine grid."""
    along_columns = _coarsened_rows(crops.transpose(2, 3), factor).transpose(2, 3)
    return _coarsened_rows(along_columns, factor)


def _coarsened_rows(crops: Tensor, factor: Tensor) -> Tensor:
    size = crops.shape[2]
    sums = pad(crops.cumsum(2), (0, 0, 1, 0))  # (B, C, size + 1, w): sum above each edge
    factor = factor[:, None]
    cell = (torch.arange(size, device=crops.device) + 0.5) / factor - 0.5  # (B, size)
    last = (size / factor).floor() - 1
    first = cell.floor().clamp(min=0).minimum(last)
    share = (cell - first).clamp(0, 1)[:, None, :, None]
    share = torch.where((first >= last)[:, None, :, None], 0.0, share)

    def mean_of(cells: Tensor) -> Tensor:
        return (_at(sums, (cells + 1) * factor) - _at(sums, cells * factor)) / factor[
            ..., None, None
        ]

    return mean_of(first) * (1 - share) + mean_of((first + 1).minimum(last)) * share


def _at(sums: Tensor, edges: Tensor) -> Tensor:
    """Interpolate running sums (B, C, n + 1, w) linearly at edges (B, m): (B, C, m, w)."""
    low = edges.floor().long().clamp(0, sums.shape[2] - 2)
    share = (edges - low)[:, None, :, None]
    which = low[:, None, :, None].expand(-1, sums.shape[1], -1, sums.shape[3])
    return sums.gather(2, which) * (1 - share) + sums.gather(2, which + 1) * share


def _blurred(crops: Tensor, sigma_px: Tensor) -> Tensor:
    """Gaussian blur of each crop (B, C, h, w) by its own sigma (B,)."""
    batch, planes, rows, columns = crops.shape
    kernel = _gaussian(sigma_px).repeat_interleave(planes, 0)  # (B·C, 7)
    flat = crops.reshape(1, batch * planes, rows, columns)
    groups = batch * planes
    flat = conv2d(flat, kernel[:, None, None, :], padding=(0, BLUR_RADIUS), groups=groups)
    flat = conv2d(flat, kernel[:, None, :, None], padding=(BLUR_RADIUS, 0), groups=groups)
    return flat.view(batch, planes, rows, columns)


def _gaussian(sigma_px: Tensor) -> Tensor:
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=sigma_px.device).float()
    kernel = torch.exp(-(offsets**2) / (2 * sigma_px[:, None].clamp(min=1e-3) ** 2))
    return kernel / kernel.sum(1, keepdim=True)


def _noise(crops: Tensor, seeds: Tensor, grain_px: Tensor) -> Tensor:
    """Noise of standard deviation 1, correlated over `grain_px` (B,), with a seed per crop."""
    device = crops.device
    white = torch.stack(
        [
            torch.randn(crops.shape[1:], device=device, generator=generator.manual_seed(seed))
            for generator in [torch.Generator(device)]
            for seed in seeds.tolist()
        ]
    )
    blurred_deviation = (_gaussian(grain_px) ** 2).sum(1)  # two blur passes, √ of this each
    return _blurred(white, grain_px) / blurred_deviation[:, None, None, None]
