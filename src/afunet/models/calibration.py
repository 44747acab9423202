"""A network's probability, corrected so that it means how often it is right (Platt scaling).

Of the pixels given probability p about a share p should be bone. Training with focal loss and Dice
does not give that; two numbers fitted on validation slices do (Platt 1999; Guo et al. 2017, "On
calibration of modern neural networks"): `sigmoid(scale · logit(p) + offset)`.
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
    """Probabilities of any shape, float in [0, 1], corrected by (scale, offset).

    0 and 1 stay what they are: air that the network never saw is no bone for certain. The order of
    pixels stays too, so a mask never changes if its threshold is corrected with it.
    """
    scale, offset = calibration
    if (scale, offset) == UNCALIBRATED:
        return probability
    return np.asarray(expit(scale * logit(probability) + offset), dtype=np.float32)


def require_calibration(calibration: Sequence[float]) -> None:
    """Raise `ValueError` for anything but a positive finite scale and a finite offset."""
    scale, offset = calibration
    if not (isfinite(scale) and scale > 0 and isfinite(offset)):
        raise ValueError(f"calibration {tuple(calibration)}")
