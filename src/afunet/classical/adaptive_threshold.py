"""Adaptive threshold with region growing.

A first threshold splits the body into bone and soft tissue. Then every pixel gets its own
threshold, halfway between the mean of bone and the mean of soft tissue around it, and the split is
repeated until nothing changes. Thin cortex and trabecular bone are thus compared with their
surroundings. Regions then grow from pixels that are certainly bone, and their cavities are filled.

Source: J. Zhang, C. H. Yan, C. K. Chui, S. H. Ong, "Fast segmentation of bone in CT images using
3D adaptive thresholding", Computers in Biology and Medicine 40 (2010) 231–236: initial split,
iterated local update, region growing. This is our 2D version with local means instead of their
correlation; it is neither their code nor that of the AFU-Net authors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own manual's name
from numpy.typing import NDArray

from afunet.classical.body import Body, HuSlice, find_body
from afunet.classical.marrow import whole_bones
from afunet.classical.morphology import Mask, grown


@dataclass(frozen=True)
class AdaptiveThresholdRules:
    """Thresholds in HU, lengths as shares of the body's width.

    Local thresholds are limited to `local_hu`. If the window around a pixel (half its side is
    `window`) lacks bone or soft tissue, `initial_hu` is used. Gaps in a bone's wall are closed if a
    disc of radius `gap` does not fit through them.
    """

    initial_hu: float = 130.0
    local_hu: tuple[float, float] = (80.0, 250.0)
    seed_hu: float = 350.0
    window: float = 0.02
    updates: int = 5
    gap: float = 0.05


def adaptive_threshold(
    image: NDArray[np.float32], rules: AdaptiveThresholdRules | None = None
) -> NDArray[np.uint8]:
    """Slice (H, W) in [0, 1] → mask (H, W) 0/1; empty if no pixel is above `seed_hu`."""
    rules = rules or AdaptiveThresholdRules()
    body = find_body(image)
    if body is None:
        return np.zeros(image.shape, dtype=np.uint8)
    dense = _settled(body, rules)
    seeds = dense & (body.hu > rules.seed_hu)
    return body.in_slice(whole_bones(grown(seeds, dense), body.px(rules.gap)))


def _settled(body: Body, rules: AdaptiveThresholdRules) -> Mask:
    """Bone after the updates, which stop when nothing changes."""
    dense = body.mask & (body.hu > rules.initial_hu)
    for _ in range(rules.updates):
        updated = body.mask & (body.hu > _local_threshold(body, dense, rules))
        if np.array_equal(updated, dense):
            break
        dense = updated
    return dense


def _local_threshold(body: Body, dense: Mask, rules: AdaptiveThresholdRules) -> HuSlice:
    """Midpoint in HU of the means of bone and of soft tissue in the window around each pixel."""
    radius_px = body.px(rules.window)
    bone, some_bone = _mean_within(dense, body.hu, radius_px)
    flesh, some_flesh = _mean_within(body.mask & ~dense, body.hu, radius_px)
    halfway = np.clip((bone + flesh) / 2, *rules.local_hu)
    return np.where(some_bone & some_flesh, halfway, np.float32(rules.initial_hu))


def _mean_within(mask: Mask, hu: HuSlice, radius_px: int) -> tuple[HuSlice, Mask]:
    """Mean HU of the mask's pixels in the window around each pixel, and whether there are any."""
    share, total = _box_mean(mask.astype(np.float32), radius_px), _box_mean(hu * mask, radius_px)
    there = share > 0.5 / (2 * radius_px + 1) ** 2
    return np.divide(total, share, out=np.zeros_like(hu), where=there), there


def _box_mean(values: HuSlice, radius_px: int) -> HuSlice:
    mean = sitk.BoxMean(sitk.GetImageFromArray(values), [radius_px, radius_px])
    return np.asarray(sitk.GetArrayFromImage(mean), dtype=np.float32)
