"""How correct the mask is expected to be, from the calibrated probability alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afunet.inference.trust.evidence import Evidence

UNSURE_BELOW = 0.75
FULL, LEVELS = 255.0, 256
SUREST = 0.1


@dataclass(frozen=True)
class SliceConfidence:
    """One slice with bone: the pixels of its mask, its expected Dice and expected precision."""

    index: int
    pixels: int
    dice: float
    precision: float


@dataclass(frozen=True)
class PieceConfidence:
    """One piece: its mean probability, and the share of its outline that is unsure.

    `surest` is the probability that the surest tenth of the voxels reaches. Most voxels of a small
    piece lie at its surface, so its mean can be low although it certainly is bone.
    """

    label: int
    voxels: int
    probability: float
    surest: float
    unsure_outline: float


def slice_confidence(evidence: Evidence) -> tuple[SliceConfidence, ...]:
    """The confidence of every slice with bone, as if errors of pixels were independent.

    The expected Dice of mask m under probabilities p is 2 Σ p·m / (Σ p + Σ m), the ratio of
    expectations. What the clean-up removed counts as not bone, what it filled as bone.
    """
    found = []
    for index in evidence.with_bone:
        inside = evidence.mask[index] != 0
        p = cleaned_probability(evidence, int(index))
        agreed, bone, pixels = float(p[inside].sum()), float(p.sum()), int(inside.sum())
        found.append(
            SliceConfidence(int(index), pixels, 2 * agreed / (bone + pixels), agreed / pixels)
        )
    return tuple(found)


def cleaned_probability(evidence: Evidence, index: int) -> NDArray[np.float32]:
    """Probability of a slice (row, column) in [0, 1], after the clean-up's decisions."""
    kept, predicted = evidence.mask[index] != 0, evidence.predicted[index] != 0
    p = evidence.probability[index].astype(np.float32) / np.float32(FULL)
    p[predicted & ~kept] = 0
    p[kept & ~predicted] = 1
    return np.asarray(p)


def piece_confidence(evidence: Evidence) -> tuple[PieceConfidence, ...]:
    """The confidence of every piece; outlines are taken within slices, where pixels are finest."""
    count = int(evidence.labels.max()) + 1
    levels = np.zeros((count, LEVELS), dtype=np.int64)  # voxels of each label and probability
    outline, unsure = np.zeros(count), np.zeros(count)
    for index in evidence.with_bone:
        place = evidence.place(int(index))
        assert place is not None
        labels = evidence.labels[index][place]
        p = cleaned_probability(evidence, int(index))[place]
        edge = outline_of(labels)
        level = LEVELS * labels.astype(np.int64) + np.rint(p * FULL).astype(np.int64)
        levels += np.bincount(level.ravel(), minlength=levels.size).reshape(levels.shape)
        outline += np.bincount(labels[edge], minlength=count)
        unsure += np.bincount(labels[edge & (p < UNSURE_BELOW)], minlength=count)
    voxels = levels.sum(axis=1)
    return tuple(
        PieceConfidence(
            label,
            int(voxels[label]),
            float(levels[label] @ np.arange(LEVELS) / FULL / voxels[label]),
            _surest(levels[label]),
            float(unsure[label] / outline[label]),
        )
        for label in range(1, count)
        if voxels[label] > 0
    )


def _surest(levels: NDArray[np.int64]) -> float:
    """The probability that a tenth of the voxels, counted by probability, reach or exceed."""
    above = levels[::-1].cumsum()
    return float(LEVELS - 1 - np.argmax(above >= SUREST * above[-1])) / FULL


def outline_of(labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Labelled pixels of a plane (row, column) that are next to another label or none."""
    padded = np.pad(labels, 1)
    middle = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    differs = np.logical_or.reduce([middle != other for other in beside])
    return np.asarray(differs & (middle != 0))
