"""Thin dark lines inside a mask: fracture lines and joint spaces that the label closes.

Labels of real scans often run across a fracture line, so that a network learns to paint it as bone.
Training can ignore the pixels that are found here instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.morphology import disk

from afunet.data.slices import LabelledSlice
from afunet.preprocessing import BONE_WINDOW
from afunet.watch import UNWATCHED, Watch

STAGE = "finding dark lines"
BONE_HU, OUTSIDE_HU, USUAL_NOISE_HU = 1000.0, -100.0, 15.0
NEAR_PX, FEWEST_PIXELS = 30, 200
EIGHT = np.ones((3, 3), dtype=bool)
LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32) / 6
"""Its response to white noise has the noise's standard deviation (Immerkær 1996)."""

Plane = NDArray[np.float32]
Pixels = NDArray[np.bool_]


@dataclass(frozen=True)
class LineRules:
    """What counts as a line; lengths in px, values in HU of the image smoothed by `smoothing_px`.

    A line is at most 2 · `radius_px` + 1 wide (black top-hat) and at least `length_px` long. Means
    over `segment_px` along it are darker than those beside it, `beside_px` away on both sides, by
    `noises` times the noise plus `textures` times the mean of such contrasts nearby, and by
    `contrast_hu`; its fainter parts reach `faint` of this. It is darker than `darkest_bone_hu`. It
    comes within `reach_px` of the outline, where fractures begin, unless it is `long` times as long
    as it must be. A line less than `shallow_px` deep that runs along the outline, with `slope` as
    its depth's range over its length, is the marrow beneath the cortex.
    """

    smoothing_px: float = 0.8
    radius_px: int = 3
    segment_px: int = 11
    beside_px: int = 4
    directions: int = 16
    texture_px: float = 12.0
    noises: float = 3.0
    textures: float = 3.0
    contrast_hu: float = 60.0
    faint: float = 0.4
    top_hat: float = 0.4
    darkest_bone_hu: float = 250.0
    length_px: float = 16.0
    reach_px: float = 6.0
    long: float = 2.5
    shallow_px: float = 14.0
    slope: float = 0.35


RULES = LineRules()


def ignoring_dark_lines(
    slices: Sequence[LabelledSlice], watch: Watch = UNWATCHED
) -> tuple[LabelledSlice, ...]:
    """The slices, with the dark lines in their masks marked as `ignored`."""
    marked = []
    for done, item in enumerate(slices, 1):
        watch.check()
        hu = BONE_WINDOW.from_grey(item.grey[len(item.grey) // 2])
        lines = dark_lines(hu, item.mask > 0)
        marked.append(replace(item, ignored=lines) if lines.any() else item)
        watch.tell(STAGE, done, len(slices))
    return tuple(marked)


def dark_lines(hu: Plane, mask: Pixels, rules: LineRules = RULES) -> Pixels:
    """The pixels (H, W) of thin dark lines inside the mask; none for an empty mask."""
    found = np.zeros_like(mask)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not len(rows):
        return found
    box = tuple(slice(max(0, a[0] - NEAR_PX), a[-1] + NEAR_PX + 1) for a in (rows, columns))
    inside = mask[box]
    values = np.minimum(hu[box], np.float32(BONE_HU))
    noise_hu = noise_beside(values, inside)
    smooth = ndimage.gaussian_filter(values, rules.smoothing_px)
    smooth[~inside] = OUTSIDE_HU
    excess, limit_hu = _excess(smooth, inside, noise_hu, rules)
    top_hat = ndimage.grey_closing(smooth, footprint=disk(rules.radius_px)) - smooth
    thin = inside & (top_hat > rules.top_hat * limit_hu) & (smooth < rules.darkest_bone_hu)
    candidates = thin & apply_hysteresis_threshold(excess, rules.faint, 1.0)
    for place, line in _long_lines(candidates, excess, inside, rules):
        found[box][place] |= line
    return found


def noise_beside(hu: Plane, mask: Pixels) -> float:
    """Standard deviation of the noise in soft tissue within 30 px of the mask, in HU.

    It is robust against edges. Where there is hardly any soft tissue, a usual value is returned.
    """
    near = ndimage.binary_dilation(mask, iterations=NEAR_PX)
    near &= ~ndimage.binary_dilation(mask, iterations=3) & (hu > -200) & (hu < 250)
    if np.count_nonzero(near) < FEWEST_PIXELS:
        return USUAL_NOISE_HU
    return float(1.4826 * np.median(np.abs(ndimage.convolve(hu, LAPLACE)[near])))


def _excess(
    smooth: Plane, inside: Pixels, noise_hu: float, rules: LineRules
) -> tuple[Plane, Plane]:
    """Contrast relative to what noise and texture cause, 0 outside the mask; and the latter, HU."""
    contrast = line_contrast(smooth, rules)
    near = ndimage.gaussian_filter(inside.astype(np.float32), rules.texture_px)
    texture = ndimage.gaussian_filter(np.abs(contrast) * inside, rules.texture_px)
    limit_hu = rules.noises * noise_hu + rules.textures * texture / np.maximum(near, 1e-3)
    limit_hu = np.maximum(limit_hu, rules.contrast_hu)
    return np.where(inside, contrast / limit_hu, 0), limit_hu


def line_contrast(hu: Plane, rules: LineRules = RULES) -> Plane:
    """How much darker a segment through each pixel is than both segments beside it, in HU.

    Of all directions, the one with the largest contrast counts. An edge has none, since one of its
    sides is not brighter.
    """
    half, around = rules.segment_px // 2, rules.beside_px
    padded = np.pad(hu, half + around, mode="edge")
    best = np.full(hu.shape, -np.inf, dtype=np.float32)
    for angle in np.arange(rules.directions) * np.pi / rules.directions:
        along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([1, -1])
        steps = np.rint(np.outer(np.arange(-half, half + 1), along)).astype(int)
        means = np.mean([_shifted(padded, half, *step) for step in steps], axis=0)
        aside = np.rint(around * along[::-1] * across).astype(int)
        sides = (_shifted(means, around, *(sign * aside)) for sign in (1, -1))
        best = np.maximum(best, np.minimum(*sides) - _shifted(means, around, 0, 0))
    return best


def _shifted(padded: Plane, margin: int, row: int, column: int) -> Plane:
    """The array without its margin, moved by at most the margin."""
    height, width = (side - 2 * margin for side in padded.shape)
    return padded[margin + row : margin + row + height, margin + column : margin + column + width]


def _long_lines(
    candidates: Pixels, excess: Plane, inside: Pixels, rules: LineRules
) -> Iterator[tuple[tuple[slice, slice], Pixels]]:
    """The components that are lines, each with its box."""
    labels, _ = ndimage.label(candidates, EIGHT)
    depth_px = ndimage.distance_transform_edt(inside)
    for label, place in enumerate(ndimage.find_objects(labels), 1):
        line = labels[place] == label
        length = np.hypot(*(side.stop - side.start - 1 for side in place))
        depth = depth_px[place][line]
        low, middle, high = np.quantile(depth, (0.05, 0.5, 0.95))
        subcortical = middle < rules.shallow_px and high - low < rules.slope * length
        begins_outside = depth.min() <= rules.reach_px or length >= rules.long * rules.length_px
        if length >= rules.length_px and begins_outside and not subcortical:
            yield place, line
