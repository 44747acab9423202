"""Six numbers that predict a slice's true Dice, all quick to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.confidence import SliceConfidence, outline_of
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.neighbours import Steps
from afunet.inference.trust.tissue import FaintOutline, Tissue
from afunet.watch import UNWATCHED, Watch

DENSE_HU = 200.0
BESIDE_MM, OFF_PX = 6.0, 2
LEAST = 1e-3
USUAL_NOISE_HU = 15.0  # used if there is too little soft tissue to measure the noise
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SliceDoubt:
    """One slice's signs of error; each may be 0 and tends to rise as the mask gets worse.

    - `unsure`: one minus the Dice expected from the calibrated probability
    - `outline`: pixels of the outline divided by pixels of the bone
    - `faint`: share of the outline where the bone hardly stands out
    - `change`: one minus the Dice with the more similar neighbour; the scan's median without one
    - `dense`: dense pixels beside the mask divided by pixels of the mask
    - `noise`: noise of the whole scan in HU
    """

    unsure: float
    outline: float
    faint: float
    change: float
    dense: float
    noise: float


def doubt_logs(doubts: Sequence[SliceDoubt], signs: Sequence[str]) -> FloatArray:
    """Logarithms of the named fields, (slices, signs); the log error is about linear in them."""
    values = [[getattr(doubt, sign) for sign in signs] for doubt in doubts]
    return np.log(np.maximum(np.array(values).reshape(len(doubts), len(signs)), LEAST))


def slice_doubts(
    evidence: Evidence,
    slices: Sequence[SliceConfidence],
    steps: Steps,
    tissue: Sequence[Tissue],
    outlines: Sequence[FaintOutline],
    watch: Watch = UNWATCHED,
) -> tuple[SliceDoubt, ...]:
    """The signs of error of every slice with bone, from what was measured on all slices.

    Raises `Cancelled`.
    """
    noise = _median([one.noise for one in tissue], USUAL_NOISE_HU)
    change = np.array([_change(steps.mask.one, one.index) for one in slices])
    change[np.isnan(change)] = _median(change.tolist(), 0.0)
    dense = watch.silenced().in_threads(partial(_dense, evidence), slices, "doubts")
    return tuple(
        SliceDoubt(
            unsure=1 - one.dice,
            outline=_outline(evidence, one),
            faint=faint.share,
            change=float(changed),
            dense=beside,
            noise=noise,
        )
        for one, faint, changed, beside in zip(slices, outlines, change, dense, strict=True)
    )


def _median(values: Sequence[float], otherwise: float) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else otherwise


def _change(steps: FloatArray, index: int) -> float:
    """The change to the more similar neighbour; NaN without a neighbour."""
    beside = steps[max(0, index - 1) : index + 1]
    known = beside[np.isfinite(beside)]
    return float(known.min()) if len(known) else float("nan")


def _outline(evidence: Evidence, one: SliceConfidence) -> float:
    place = evidence.place(one.index)
    assert place is not None
    return float(outline_of(evidence.mask[one.index][place]).sum()) / one.pixels


def _dense(evidence: Evidence, one: SliceConfidence) -> float:
    """Pixels as dense as bone near the mask, off its blurred edge, divided by its pixels."""
    place = evidence.place(one.index, 2 * BESIDE_MM)
    assert place is not None
    bone = evidence.mask[one.index][place] != 0
    values = evidence.hu[one.index][place].astype(np.float32)
    smooth = ndimage.gaussian_filter(values, [0.7 / step for step in evidence.pixel_mm])
    size = [2 * int(np.ceil(BESIDE_MM / step)) + 1 for step in evidence.pixel_mm]
    near = ndimage.maximum_filter(bone.astype(np.uint8), size) != 0
    near &= ~ndimage.binary_dilation(bone, iterations=OFF_PX)
    return float(((smooth > DENSE_HU) & near).sum()) / one.pixels
