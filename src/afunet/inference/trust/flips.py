"""Whether the network says the same of a slice and of its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from afunet.geometry import Volume
from afunet.inference.predictor import Predictor
from afunet.inference.trust.evidence import Evidence
from afunet.inference.volume import SliceSource
from afunet.models.checkpoint import Header
from afunet.models.head import labels
from afunet.watch import UNWATCHED, Watch

MOST_FLIPS = 12
SHARE = 0.1  # of the slices with bone, so that a long scan does not pay more than that


@dataclass(frozen=True)
class Flip:
    """Dice of the network's masks of a slice and of its mirror image, turned back."""

    index: int
    dice: float


def sample(evidence: Evidence, most: int = MOST_FLIPS) -> list[int]:
    """Slices spread evenly over the bone, a tenth of them, four at least, `most` at most."""
    bone = evidence.with_bone
    wanted = min(most, max(4, round(SHARE * len(bone))), len(bone))
    places = (np.arange(wanted) + 0.5) / max(wanted, 1) * len(bone)
    return [int(bone[int(place)]) for place in places]


def flip_agreement(
    evidence: Evidence,
    predictor: Predictor,
    header: Header,
    *,
    watch: Watch = UNWATCHED,
) -> tuple[Flip, ...]:
    """Mirror sampled slices from left to right and predict them again: one slice's time each."""
    affine = np.diag([*evidence.spacing_mm[::-1], 1.0])
    mirrored = Volume(evidence.hu[..., ::-1], affine)
    source = SliceSource.of(mirrored, header, spacing_known=evidence.spacing_known)
    found = []
    chosen = sample(evidence)
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
