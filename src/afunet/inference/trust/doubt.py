"""What a slice's true Dice may be told from: seven numbers, all cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from afunet.inference.trust.confidence import SliceConfidence, outline_of
from afunet.inference.trust.evidence import Evidence
from afunet.inference.trust.flips import Flip
from afunet.inference.trust.neighbours import Steps
from afunet.inference.trust.tissue import FaintOutline, Tissue

DENSE_HU = 200.0
BESIDE_MM, OFF_PX = 6.0, 2
LEAST = 1e-3
USUAL_NOISE_HU = 15.0  # where there is too little flesh to measure it
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SliceDoubt:
    """One slice's signs of error; each may be 0 and tends to rise as the mask gets worse.

    `unsure` is one minus the Dice that the calibrated probability expects, `outline` the pixels of
    the outline by those of the bone, `faint` the share of the outline that hardly stands out,
    `change` one minus the Dice with the more alike neighbour (as the scan's median where there is
    none), `dense` what is dense beside the mask and not in it, by the mask. The whole scan's are
    `noise` in HU and `flip`, one minus the mean Dice with mirrored slices.
    """

    unsure: float
    outline: float
    faint: float
    change: float
    dense: float
    noise: float
    flip: float


def doubt_logs(doubts: Sequence[SliceDoubt], signs: Sequence[str]) -> FloatArray:
    """(slices, signs) logarithms of the named fields, in which errors are about linear."""
    values = [[getattr(doubt, sign) for sign in signs] for doubt in doubts]
    return np.log(np.maximum(np.array(values).reshape(len(doubts), len(signs)), LEAST))


def slice_doubts(
    evidence: Evidence,
    slices: Sequence[SliceConfidence],
    steps: Steps,
    tissue: Sequence[Tissue],
    outlines: Sequence[FaintOutline],
    flips: Sequence[Flip],
) -> tuple[SliceDoubt, ...]:
    """Of every slice with bone, from what was measured of all of them."""
    noise = _median([one.noise for one in tissue], USUAL_NOISE_HU)
    flip = 1 - float(np.mean([one.dice for one in flips])) if flips else 0.0
    change = np.array([_change(steps.mask.one, one.index) for one in slices])
    change[np.isnan(change)] = _median(change.tolist(), 0.0)
    return tuple(
        SliceDoubt(
            unsure=1 - one.dice,
            outline=_outline(evidence, one),
            faint=faint.share,
            change=float(changed),
            dense=_dense(evidence, one),
            noise=noise,
            flip=flip,
        )
        for one, faint, changed in zip(slices, outlines, change, strict=True)
    )


def _median(values: Sequence[float], otherwise: float) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else otherwise


def _change(steps: FloatArray, index: int) -> float:
    """To the more alike neighbour; NaN without one."""
    beside = steps[max(0, index - 1) : index + 1]
    known = beside[np.isfinite(beside)]
    return float(known.min()) if len(known) else float("nan")


def _outline(evidence: Evidence, one: SliceConfidence) -> float:
    place = evidence.place(one.index)
    assert place is not None
    return float(outline_of(evidence.mask[one.index][place]).sum()) / one.pixels


def _dense(evidence: Evidence, one: SliceConfidence) -> float:
    """What is as dense as bone, near the mask but off its blurred edge, by the mask."""
    place = evidence.place(one.index, 2 * BESIDE_MM)
    assert place is not None
    bone = evidence.mask[one.index][place] != 0
    values = evidence.hu[one.index][place].astype(np.float32)
    smooth = ndimage.gaussian_filter(values, [0.7 / step for step in evidence.pixel_mm])
    size = [2 * int(np.ceil(BESIDE_MM / step)) + 1 for step in evidence.pixel_mm]
    near = ndimage.maximum_filter(bone.astype(np.uint8), size) != 0
    near &= ~ndimage.binary_dilation(bone, iterations=OFF_PX)
    return float(((smooth > DENSE_HU) & near).sum()) / one.pixels
