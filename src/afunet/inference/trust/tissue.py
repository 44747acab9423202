"""Measure the scan's values: noise, air, soft tissue, and how far bone stands out from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.evidence import Evidence, Place, place_of
from afunet.watch import UNWATCHED, Watch

FloatPlane = NDArray[np.float32]
SAMPLED_SLICES = 16
FLESH_LOW_HU, FLESH_HIGH_HU = -150.0, 150.0
SOFT_LOW_HU, SOFT_HIGH_HU = -250.0, 350.0
AIR_BELOW_HU = -500.0
SMOOTH_MM, REACH_MM, OFF_BONE_MM = 2.0, 2.5, 4.0
HARDLY_DENSER_HU = 100.0
FEWEST_PX = 200


@dataclass(frozen=True)
class Tissue:
    """One slice's values in HU; NaN if there is too little of a tissue to measure.

    `noise` is the standard deviation in soft tissue away from the bone, `flesh` the median of soft
    tissue (fat and muscle), `muscle` its upper quartile, `air` the median of values below
    `AIR_BELOW_HU`, `bone` the median within the mask.
    """

    index: int
    noise: float
    flesh: float
    muscle: float
    air: float
    bone: float


@dataclass(frozen=True)
class FaintOutline:
    """The share of a slice's outline along which bone is hardly denser than the tissue beside it.

    `pixels` is their number, `place` encloses the largest patch of them.
    """

    index: int
    share: float
    pixels: int
    place: Place | None


def measure_tissue(evidence: Evidence) -> tuple[Tissue, ...]:
    """Measure up to `SAMPLED_SLICES` slices, spread evenly over those with bone."""
    bone = evidence.with_bone
    places = np.linspace(0, len(bone) - 1, min(SAMPLED_SLICES, len(bone))).round().astype(int)
    return tuple(_tissue(evidence, int(bone[place])) for place in np.unique(places))


def measure_outlines(evidence: Evidence, watch: Watch = UNWATCHED) -> tuple[FaintOutline, ...]:
    """Measure the outline of every slice with bone. Raises `Cancelled`."""
    measured = partial(_faint_outline, evidence)
    return tuple(watch.silenced().in_threads(measured, evidence.with_bone.tolist(), "outlines"))


def noise_hu(hu: NDArray[Any], bone: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> float:
    """Noise in soft tissue in HU: the deviation from the image smoothed by 2 mm.

    It is the standard deviation by way of the median absolute deviation, so that vessels and septa
    hardly count. NaN if there is too little soft tissue.
    """
    values = hu.astype(np.float32)
    smooth = ndimage.gaussian_filter(values, [SMOOTH_MM / size for size in pixel_mm])
    flesh = _flesh(smooth, bone, pixel_mm)
    if flesh.sum() < FEWEST_PX:
        return float("nan")
    return float(1.4826 * np.median(np.abs(values - smooth)[flesh]))


def _tissue(evidence: Evidence, index: int) -> Tissue:
    hu, bone = evidence.hu[index], evidence.mask[index] != 0
    values = hu.astype(np.float32)
    smooth = ndimage.gaussian_filter(values, [SMOOTH_MM / size for size in evidence.pixel_mm])
    off = ~_near(bone, OFF_BONE_MM, evidence.pixel_mm)
    soft = smooth[off & (smooth > SOFT_LOW_HU) & (smooth < SOFT_HIGH_HU)]
    air = values < AIR_BELOW_HU
    return Tissue(
        index,
        noise_hu(hu, bone, evidence.pixel_mm),
        _quantile(soft, 0.5),
        _quantile(soft, 0.75),
        _quantile(values[air], 0.5),
        _quantile(values[bone], 0.5),
    )


def _flesh(
    smooth: FloatPlane, bone: NDArray[np.bool_], pixel_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    """Fat and muscle, away from bone and skin, (row, column)."""
    within = (smooth > FLESH_LOW_HU) & (smooth < FLESH_HIGH_HU)
    size = [2 * int(np.ceil(SMOOTH_MM / step)) + 1 for step in pixel_mm]
    inner = ndimage.minimum_filter(within.astype(np.uint8), size) != 0
    return np.asarray(inner & ~_near(bone, OFF_BONE_MM, pixel_mm))


def _near(
    bone: NDArray[np.bool_], reach_mm: float, pixel_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    size = [2 * int(np.ceil(reach_mm / step)) + 1 for step in pixel_mm]
    return np.asarray(ndimage.maximum_filter(bone.astype(np.uint8), size) != 0)


def _quantile(values: NDArray[Any], share: float) -> float:
    return float(np.quantile(values, share)) if values.size >= FEWEST_PX else float("nan")


def _faint_outline(evidence: Evidence, index: int) -> FaintOutline:
    """Compare the densest bone within `REACH_MM` of the outline with the mean outside the mask.

    The pixels next to the mask are left out, because partial volume belongs to neither.
    """
    place = evidence.place(index, 2 * REACH_MM)
    assert place is not None
    bone = evidence.mask[index][place] != 0
    sigma = [0.7 / step for step in evidence.pixel_mm]
    values = evidence.hu[index][place].astype(np.float32)
    smooth = ndimage.gaussian_filter(values, sigma)
    size = [2 * int(np.ceil(REACH_MM / step)) + 1 for step in evidence.pixel_mm]
    densest = ndimage.maximum_filter(np.where(bone, smooth, -np.inf), size)
    beyond = ~ndimage.binary_dilation(bone)
    share = ndimage.uniform_filter(beyond.astype(np.float32), size)
    mean = ndimage.uniform_filter(np.where(beyond, smooth, 0), size) / np.maximum(share, 1e-6)
    outline = bone & ~ndimage.binary_erosion(bone, border_value=1) & (share > 0.02)
    if not outline.any():
        return FaintOutline(index, 0.0, 0, None)
    faint = outline & (densest - mean < HARDLY_DENSER_HU)
    pixels = int(faint.sum())
    return FaintOutline(index, pixels / int(outline.sum()), pixels, _placed(faint, place))


def _placed(faint: NDArray[np.bool_], place: Place) -> Place | None:
    """Rows and columns of the slice that enclose the largest faint patch; None without one."""
    patches, count = ndimage.label(ndimage.binary_dilation(faint, iterations=2))
    if count == 0:
        return None
    sizes = np.bincount(patches.ravel())
    sizes[0] = 0
    found = place_of(patches == int(sizes.argmax()))
    assert found is not None
    return (
        slice(place[0].start + found[0].start, place[0].start + found[0].stop),
        slice(place[1].start + found[1].start, place[1].start + found[1].stop),
    )
