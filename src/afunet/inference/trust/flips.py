"""Whether the network predicts the same for a slice and for its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from afunet.geometry import Volume
from afunet.inference.predictor import Predictor
from afunet.inference.trust.confidence import SliceConfidence
from afunet.inference.trust.evidence import Evidence
from afunet.inference.volume import SliceSource
from afunet.models.head import labels
from afunet.models.header import Header
from afunet.watch import UNWATCHED, Watch

MOST_FLIPS = 12
SHARE = 0.03  # of the slices with bone, and so of the network's time


@dataclass(frozen=True)
class Flip:
    """Dice between the network's mask of a slice and that of its mirror image, mirrored back."""

    index: int
    dice: float


def sample(slices: Sequence[SliceConfidence], most: int = MOST_FLIPS) -> list[int]:
    """Indices of the slices with most pixels in doubt, ascending: 3 %, at least 1, at most `most`.

    The network is least consistent where it is least sure: of six simulated scans on which some
    of four evenly spread slices disagreed, the least sure of the four did so on five.
    """
    wanted = min(most, max(1, round(SHARE * len(slices))))
    ranked = sorted(slices, key=lambda one: -(1 - one.dice) * one.pixels)
    return sorted(one.index for one in ranked[:wanted])


def flip_agreement(
    evidence: Evidence,
    slices: Sequence[SliceConfidence],
    predictor: Predictor,
    header: Header,
    *,
    watch: Watch = UNWATCHED,
) -> tuple[Flip, ...]:
    """Mirror the least sure of `slices` from left to right and predict them again."""
    affine = np.diag([*evidence.spacing_mm[::-1], 1.0])
    mirrored = Volume(evidence.hu[..., ::-1], affine)
    source = SliceSource.of(mirrored, header, spacing_known=evidence.spacing_known)
    found = []
    chosen = sample(slices)
    for done, index in enumerate(chosen, 1):
        watch.check()
        predicted = predictor(source.stacks(index, index + 1))
        predictor = predicted.predictor
        probability = source.grid.to_native(predicted.probability)
        again = labels(probability, header.threshold)[0, :, ::-1] != 0
        first = evidence.predicted[index] != 0
        total = int(again.sum() + first.sum())
        found.append(Flip(index, 2 * int((again & first).sum()) / total if total else 1.0))
        watch.tell("mirrored slices", done, len(chosen))
    return tuple(found)
