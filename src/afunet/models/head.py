"""What the channels of a network's output mean: one class each, beside all that is none of it.

Each channel is a class of its own with a sigmoid; bone alone is a single one. So classes need not
share out the pixels between them, and no channel is spent on the background.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Float32Array = NDArray[np.float32]


def probabilities(logits: Float32Array) -> Float32Array:
    """Logits (N, K, …) → how probable each of the K classes is, in [0, 1]."""
    return np.asarray(expit(logits), dtype=np.float32)


def labels(probability: Float32Array, threshold: float) -> NDArray[np.uint8]:
    """Probabilities (N, K, …) → (N, …): the likeliest class from 1, 0 where none reaches it."""
    reached = probability.max(axis=1) >= threshold
    return np.where(reached, probability.argmax(axis=1) + 1, 0).astype(np.uint8)
