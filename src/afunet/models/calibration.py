"""Calibrate a network's probability, so that of pixels with p about a share p is bone.

Training with focal loss and Dice does not achieve this. Two numbers fitted on validation slices do:
`sigmoid(scale · logit(p) + offset)` (Platt 1999; Guo et al. 2017, "On calibration of modern neural
networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Float32Array = NDArray[np.float32]
UNCALIBRATED = (1.0, 0.0)


def calibrated(probability: Float32Array, calibration: Sequence[float]) -> Float32Array:
    """Calibrate probabilities of any shape, float in [0, 1], by (scale, offset).

    0 and 1 stay as they are: air that the network did not see is certainly not bone. The order of
    pixels stays too, so a mask does not change if its threshold is calibrated as well.
    """
    scale, offset = calibration
    if (scale, offset) == UNCALIBRATED:
        return probability
    return np.asarray(expit(scale * logit(probability) + offset), dtype=np.float32)


def require_calibration(calibration: Sequence[float]) -> None:
    """Raise `ValueError` unless the scale is positive and finite and the offset finite."""
    scale, offset = calibration
    if not (isfinite(scale) and scale > 0 and isfinite(offset)):
        raise ValueError(
            f"calibration {tuple(calibration)}: expected a positive scale and a finite offset"
        )
