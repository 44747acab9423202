"""The meaning of a network's output: each channel is one class, with a sigmoid of its own.

Bone alone is a single channel. The probabilities of classes need not add up to 1, and the
background needs no channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Float32Array = NDArray[np.float32]


def probabilities(logits: Float32Array) -> Float32Array:
    """Logits (N, K, …) → probabilities of the K classes, in [0, 1]."""
    return np.asarray(expit(logits), dtype=np.float32)


def labels(probability: Float32Array, threshold: float) -> NDArray[np.uint8]:
    """Probabilities (N, K, …) → likeliest class (N, …), from 1; 0 if below the threshold."""
    if probability.shape[1] == 1:
        return (probability[:, 0] >= threshold).astype(np.uint8)
    reached = probability.max(axis=1) >= threshold
    return np.where(reached, probability.argmax(axis=1) + 1, 0).astype(np.uint8)
